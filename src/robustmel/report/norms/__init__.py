"""Success against norm: how many mentions a change of at most a given length breaks."""

from robustmel.report.norms.curve import Curve, curves
from robustmel.report.norms.plot import norm_plots

__all__ = ["Curve", "curves", "norm_plots"]
