"""How sure a figure is: intervals and tests that know which mentions belong together."""

from robustmel.report.statistics.contrast import ALPHA, MARGIN, Contrast, Verdict, contrast
from robustmel.report.statistics.paired import EXACT, FLIPS, paired_test
from robustmel.report.statistics.resampling import Clusters
from robustmel.report.statistics.shares import LEVEL, Interval, interval

__all__ = [
    "ALPHA",
    "EXACT",
    "FLIPS",
    "LEVEL",
    "MARGIN",
    "Clusters",
    "Contrast",
    "Interval",
    "Verdict",
    "contrast",
    "interval",
    "paired_test",
]
