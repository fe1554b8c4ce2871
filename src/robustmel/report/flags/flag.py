"""A reason to doubt a figure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

TITLES = {
    "zero_gradients": "gradients that are zero",
    "loss_plateau": "an attack that does not get ahead",
    "nondeterministic": "a linker that does not answer the same twice",
    "black_box_wins": "an attack that sees less and breaks more",
    "not_growing_with_eps": "a larger budget that breaks no more",
    "strong_weaker_than_normal": "a strong setting that is weaker than the normal one",
    "above_clean": "more mentions linked under attack than without it",
    "rounding": "success that is lost when images are saved",
    "probabilities": "scores that look like probabilities",
}
"""code -> what it stands for, in the order of a report."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One reason to doubt the figure of one row.

    Args:
        code: One of `TITLES`.
        dataset: Of the row, as all names after it.
        task: "I2T" or "IT2T".
        linker: The victim.
        source: The linker whose scores the attack read; "none" if it read none.
        defence: "none", or its name.
        attack: As the grid calls it.
        sentence: What was seen, what it means and what to do. Rows of one linker that share a reason share the sentence.
    """

    code: str
    dataset: str
    task: str
    linker: str
    source: str
    defence: str
    attack: str
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self)
