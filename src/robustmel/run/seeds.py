"""The four seeds of a run, derived from one number."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Seeds:
    """One seed a stage, so that a change of one stage's randomness leaves the others alone.

    `sample` does not depend on the run's seed: all seeds of a grid see the same mentions. `redraw` is for the second set of what draws
    without asking anybody.
    """

    sample: int
    perturb: int
    redraw: int
    train: int
    link: int

    @classmethod
    def of(cls, seed: int, sample: int = 0) -> Seeds:
        """The seeds of a run seed."""
        hashes = (
            hashlib.blake2b(f"{stage}\x00{seed}".encode(), digest_size=6) for stage in ("perturb", "redraw", "train", "link")
        )
        return cls(sample, *(int.from_bytes(hashed.digest(), "big") for hashed in hashes))
