"""What the selftest has to say of one victim."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the table.

    Args:
        victim: Who was attacked.
        known: What is known of it beforehand.
        said: What the tool said of it.
        faults: What is wrong, a sentence each; empty where all is as it should be.
    """

    victim: str
    known: str
    said: str
    faults: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the tool was right."""
        return not self.faults

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self) | {"faults": list(self.faults), "passed": self.passed}
