"""What flags take from the logs of a row, so that no log need be held."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustmel.report.credit import Floats

PROBABILITIES = "scores look like probabilities"
"""The words by which an attack's note says so."""


@dataclass
class Trace:
    """A digest of the logs of a row, over its views and seeds.

    Args:
        gradients: Whether the attack took any.
        changed: The largest change of a pixel in the written images, pixels in [0, 1]; None where nothing was perturbed.
        repeatable: What two passes over the same images came to: False where scores differed.
        probabilities: Whether the attack took the scores for probabilities.
        attacked: bool (n,): which mentions were perturbed, in the first view of the first seed.
        stood: How the attack went on images that withstood it: (first loss, best loss, first margin, best margin) each.
    """

    gradients: bool = False
    changed: float | None = None
    repeatable: set[bool] = field(default_factory=set)
    probabilities: bool = False
    attacked: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    stood: list[tuple[float, float, float, float]] = field(default_factory=list)

    def closed(self) -> Floats:
        """Of each image in `stood`, the share of the gap to the best wrong candidate that the attack closed."""
        first, best = np.array([row[2:] for row in self.stood]).reshape(-1, 2).T
        found: Floats = (best - first) / -first
        return found

    def risen(self) -> Floats:
        """Of each image in `stood`, by what share of itself the loss rose; infinite from zero up, NaN where it is not known."""
        first, best = np.array([row[:2] for row in self.stood]).reshape(-1, 2).T
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Floats = np.where(best > first, (best - first) / np.abs(first), (best - first) * 0)
        return found


def trace(logs: Iterable[Sequence[Mapping[str, Any]]]) -> Trace:
    """Reads logs one after the other."""
    found = Trace()
    for log in logs:
        if not len(found.attacked):
            found.attacked = np.array([row["status"] == "ok" for row in log], dtype=np.bool_)
        for row in log:
            if row["status"] == "ok":
                _take(row, found)
    return found


def _take(row: Mapping[str, Any], found: Trace) -> None:
    found.gradients |= bool(row["iterations"])
    found.changed = max(found.changed or 0.0, row["linf_u8"] or 0.0)
    found.probabilities |= PROBABILITIES in (row["note"] or "")
    if row.get("deterministic") is not None:
        found.repeatable.add(row["deterministic"])
    first, best, behind, ahead = (_number(row.get(name)) for name in ("loss_first", "loss_best", "margin_first", "margin_best"))
    # exact ties between entities (a margin of zero) never move, and say nothing about the attack
    if row["succeeded"] is False and math.isfinite(ahead) and behind < 0:
        found.stood.append((first, best, behind, ahead))


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
