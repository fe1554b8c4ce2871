"""Questions that two rows of the table answer together: does the text help, what does a defence save, which linker holds better."""

from robustmel.report.comparisons.comparison import Comparison, points
from robustmel.report.comparisons.kinds import QUESTIONS, compare, remarks

__all__ = ["QUESTIONS", "Comparison", "compare", "points", "remarks"]
