"""The exact worst case of the linear tower within any budget, in closed form and float64.

A score that is linear in the pixels differs from another by `sum(slope * pixels) + constant`. Within a box every pixel does its
worst alone: it moves by the budget, or up to the end of [0, 1] where that is nearer. No attack takes part in this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustmel.images import Pixels
from robustmel.selftest.fit import Fitted, Floats, averaging

LEVELS = 256
"""Budgets that are looked at: 0 to 255 of 255. They and the images lie on the same lattice, so rounding to 8 bits costs nothing."""
UNDECIDED = 1e-4
"""Leads below this, beside a median of some units, are left to the roundings of float32."""


@dataclass(frozen=True)
class Truth:
    """How n answers fare at their worst.

    Args:
        leads: (n, LEVELS): of the right entity over the best other one, at the worst image within k/255; never rising in k.
            Minus infinity where the right entity is not among the candidates, infinity where it is the only one.
        distances: (n,): Euclidean length that no image with another answer comes below, pixels in [0, 1]; it is the distance to
            the nearest one but for the ends of [0, 1].
    """

    leads: Floats
    distances: Floats

    def robust(self, level: int) -> NDArray[np.bool_]:
        """Whether no image within level/255 changes the answer: bool (n,)."""
        return self.leads[:, level] > 0

    def decided(self, level: int) -> NDArray[np.bool_]:
        """Whether the lead is far enough from a tie for float32 to agree: bool (n,)."""
        return np.abs(self.leads[:, level]) > UNDECIDED

    def accuracy(self, level: int) -> float:
        """Exact robust accuracy at level/255."""
        return float(self.robust(level).mean())

    @property
    def least_levels(self) -> Floats:
        """(n,): the lowest budget, in 255ths, at which some image changes the answer; infinity where none does."""
        broken = self.leads < 0
        return np.where(broken.any(axis=1), broken.argmax(axis=1), np.inf)

    def raised(self, by: float) -> Truth:
        """Where every right entity scores `by` higher, whatever the image; distances are no longer known."""
        return Truth(self.leads + by, np.full(len(self.leads), np.nan))


def truth(
    fitted: Fitted, pictures: Sequence[Pixels], golds: Sequence[str | None], candidates: Sequence[Sequence[str]]
) -> Truth:
    """The closed form for some mentions.

    Args:
        fitted: The tower's weights.
        pictures: uint8 (H, W, 3), the images as they are attacked.
        golds: The right entities.
        candidates: What each mention is linked among.
    """
    rows = [_at_worst(fitted, *mention) for mention in zip(pictures, golds, candidates, strict=True)]
    leads = np.stack([leads for leads, _ in rows]) if rows else np.empty((0, LEVELS))
    return Truth(leads, np.array([distance for _, distance in rows]))


def _at_worst(fitted: Fitted, picture: Pixels, gold: str | None, candidates: Sequence[str]) -> tuple[Floats, float]:
    """Leads by level, and the distance to the nearest plane of equal scores."""
    if gold not in candidates:
        return np.full(LEVELS, -np.inf), 0.0
    column = fitted.entities.index(str(gold))
    others = [fitted.entities.index(candidate) for candidate in dict.fromkeys(candidates) if candidate != gold]
    leads, distance = np.full(LEVELS, np.inf), np.inf
    for other in others:
        slope = slopes(fitted.weights[other] - fitted.weights[column], fitted.cells, picture.shape)
        lead = fitted.bias[column] - fitted.bias[other] - float((slope * (picture / 255.0)).sum())
        leads = np.minimum(leads, lead - gains(slope, picture))
        distance = min(distance, max(lead, 0.0) / float(np.linalg.norm(slope)))
    return leads, distance


def slopes(weights: Floats, cells: int, shape: tuple[int, ...]) -> Floats:
    """(H, W, 3): what a sum over cells weighs each pixel with.

    Args:
        weights: (3 * cells * cells,), channels first.
        cells: Cells to a side.
        shape: (H, W, 3) of the picture.
    """
    high, wide = (averaging(size, cells) for size in shape[:2])
    return (high.T @ weights.reshape(3, cells, cells) @ wide).transpose(1, 2, 0)


def gains(slope: Floats, picture: Pixels) -> Floats:
    """(LEVELS,): by how much a linear score can be raised within k/255 and [0, 1], for every k from 0.

    A pixel with `room` levels to the end it is pushed to gives `abs(slope) * min(k, room) / 255`; each level k is thus worth the
    slopes of all pixels with at least k levels of room.
    """
    room = np.where(slope > 0, 255 - picture.astype(np.int64), picture)
    at = np.bincount(room.ravel(), np.abs(slope).ravel(), LEVELS)
    with_room = at[::-1].cumsum()[::-1]
    return np.concatenate([[0.0], with_room[1:].cumsum()]) / 255
