"""What was wrong with the files that a loader read."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass
class LoadReport:
    """What a loader read, kept and had to remark upon; nothing is dropped without an entry here.

    Args:
        layout: Which of a data set's layouts was found.
        counts: Reason -> how often ("span_mismatch", "gold_not_in_kb", ...).
        examples: Reason -> up to five ids or places, the first ones met.
    """

    layout: str
    counts: Counter[str] = field(default_factory=Counter)
    examples: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def remark(self, reason: str, where: str) -> None:
        """Counts one finding and keeps its place as an example."""
        self.counts[reason] += 1
        if len(self.examples[reason]) < 5:
            self.examples[reason].append(where)
