"""Intervals and tests, clustered by the mentions that belong together."""

from robustmel.report.statistics.contrast import ALPHA, MARGIN, Contrast, Verdict, contrast
from robustmel.report.statistics.paired import EXACT, FLIPS, holm, paired_test
from robustmel.report.statistics.shares import LEVEL, UNKNOWN, Interval, interval
from robustmel.report.statistics.spread import Clusters

__all__ = [
    "ALPHA", "EXACT", "FLIPS", "LEVEL", "MARGIN", "UNKNOWN", "Clusters", "Contrast", "Interval", "Verdict", "contrast", "holm",
    "interval", "paired_test",
]  # fmt: skip
