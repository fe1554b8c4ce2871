"""Questions that two rows of the table answer together: does the text help, what does a defence save, which linker holds better."""

from robustmel.report.comparisons.comparison import Comparison, points
from robustmel.report.comparisons.questions import QUESTIONS, compare
from robustmel.report.comparisons.texts import LEADS, remarks

__all__ = ["LEADS", "QUESTIONS", "Comparison", "compare", "points", "remarks"]
