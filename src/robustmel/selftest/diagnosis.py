"""What is wrong with an attack on a linker whose worst case is known, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustmel.selftest.truth import Truth

Floats = NDArray[np.float64]

HALF_A_STEP = 0.5 / 255
"""Images lie on the lattice of 255ths, so less than this is rounding."""
NEVER_LEFT = 0.15
"""Of the way to the worst image; less than this is what noise does."""
ARRIVED = 0.98


@dataclass(frozen=True)
class Diagnosis:
    """What one attack did at one budget, against what could be done.

    Args:
        attack: Its name.
        level: The budget, in 255ths.
        linked: (n,): each mention's credit, 1 where it is linked.
        leads: (n,): of the right entity over the best other one, at the image that was handed back.
        log: A row a mention.
        truth: Of the mentions.
    """

    attack: str
    level: int
    linked: Floats
    leads: Floats
    log: list[dict[str, Any]]
    truth: Truth

    @property
    def missed(self) -> int:
        """Mentions that some image within the budget breaks, and this attack did not."""
        return int((self._decided & ~self.truth.robust(self.level) & (self.linked >= 1)).sum())

    @property
    def impossible(self) -> int:
        """Mentions that no image within the budget breaks, and that count as broken."""
        return int((self._decided & self.truth.robust(self.level) & (self.linked < 1)).sum())

    @property
    def breakable(self) -> int:
        """Mentions right when clean that some image within the budget breaks."""
        return int((self._decided & ~self.truth.robust(self.level) & self.truth.robust(0)).sum())

    @property
    def _decided(self) -> NDArray[np.bool_]:
        return self.truth.decided(self.level)

    @property
    def moved(self) -> Floats:
        """(m,): the largest change of a pixel of every image that was perturbed, as written."""
        return np.array([row["linf_u8"] for row in self.log if row["status"] == "ok"], dtype=np.float64)

    @property
    def way(self) -> Floats:
        """(m,): how much of the way to the worst image within the budget the changed ones came; 1 is all of it, below 0 is back."""
        possible = self.truth.leads[:, 0] - self.truth.leads[:, self.level]
        changed = np.array([row["status"] == "ok" and row["linf_u8"] > 0 for row in self.log], dtype=bool)
        measurable = changed & np.isfinite(self.leads) & np.isfinite(possible) & (possible > 0)
        return (self.truth.leads[:, 0] - self.leads)[measurable] / possible[measurable]

    def faults(self) -> Iterator[str]:
        """What contradicts the truth outright, whatever the attack's strength."""
        failed = [row["status"] for row in self.log if row["status"].startswith("error")]
        if failed:
            yield f"{self.attack}: {len(failed)} of {len(self.log)} images could not be attacked ({failed[0]})"
        outside = int((self.moved > self.level / 255 + HALF_A_STEP).sum())
        if outside:
            yield (
                f"{self.attack}: {outside} of {len(self.moved)} saved images lie outside the budget: a pixel changed by"
                f" {self.moved.max() * 255:.0f}/255 where eps is {self.level}/255"
            )
        elif self.impossible:
            yield f"{self.attack}: {self.impossible} mentions count as broken, but no image within {self.level}/255 breaks them"

    def weakness(self, measure: Diagnosis | None = None) -> str:
        """Why it may have missed what can be broken: is it broken itself, or weaker than `measure`, an attack that is known to be right?"""
        lost = f"{self.attack} missed {self.missed} of {self.breakable} mentions that can be broken within {self.level}/255"
        if self.astray:
            return f"{lost}; it is broken: {self.astray}"
        way = float(np.median(self.way)) if len(self.way) else 0.0
        if way < ARRIVED:
            lost += f"; its images use {way:.0%} of the budget: it needs more or longer steps"
        of_it = (
            "" if measure is None else f"; it is not broken, but weaker than {measure.attack}, which missed {measure.missed}"
        )
        return lost + of_it

    @property
    def astray(self) -> str:
        """Why it cannot be right, where its images say so; "" where they only stop short."""
        if not len(self.moved) or self.moved.max() == 0:
            return "its images are the inputs: it never left the start"
        if self.moved.max() < self.level / 255 - HALF_A_STEP:
            return f"no pixel changed by more than {self.moved.max() * 255:.0f}/255: it searches a smaller ball than its budget"
        way = float(np.median(self.way)) if len(self.way) else 0.0
        if way < -NEVER_LEFT:
            return "its images raise the right entity's score: it goes the wrong way along the gradient (a sign?)"
        if way < NEVER_LEFT:
            return "its images are no closer to a wrong answer than noise: it never left its random start"
        return ""
