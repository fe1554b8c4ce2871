"""Questions that two rows of the table answer together: does the text help, what does a defence save, which linker holds better."""

from robustmel.report.comparisons.comparison import Comparison, points
from robustmel.report.comparisons.defence_verdict import defence_verdict
from robustmel.report.comparisons.kinds import QUESTIONS, compare, memory_remarks, remarks
from robustmel.report.comparisons.poisoned_demos import DemoGroup, by_poisoned_demos

__all__ = [
    "QUESTIONS",
    "Comparison",
    "DemoGroup",
    "by_poisoned_demos",
    "compare",
    "defence_verdict",
    "memory_remarks",
    "points",
    "remarks",
]
