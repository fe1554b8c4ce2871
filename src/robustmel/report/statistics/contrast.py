"""Differences between shares of the same mentions: drops, differences of drops, and whether there is a difference at all."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from robustmel.report.credit import Floats
from robustmel.report.statistics.shares import LEVEL, Interval, of_share, unvaried
from robustmel.report.statistics.spread import Clusters, Spread, spread

MARGIN = 0.02
"""Differences within this, 2 points, are called none; stated wherever the word is used."""
ALPHA = 0.05
"""Chance of calling a difference of `MARGIN` none."""
_HALVINGS = 20

Verdict = Literal["more", "less", "none", "undecided"]
"""What can be said of a difference: above or below 0, within the margin, or nothing."""


@dataclass(frozen=True, eq=False)
class Contrast:
    """A weighted sum of shares, made by `contrast`.

    Args:
        weights: (P,), +1 or -1.
        shares: (P,) in [0, 1].
        spread: How the shares move together; None where no interval can be had.
    """

    weights: Floats
    shares: Floats
    spread: Spread | None

    @property
    def value(self) -> float:
        """The weighted sum; a difference of two shares lies in [-1, 1], one of two differences in [-2, 2]."""
        return float(self.weights @ self.shares)

    def interval(self, level: float = LEVEL) -> Interval | None:
        """Recovered from the intervals of the shares and their correlations.

        Where few mentions change, the plain t interval of a difference claims far too much: with 8 clusters of which one in fifty
        mentions changes it covers 4 times in 10, this one always. Where nothing changed in any cluster, see `unvaried`.

        Source:
            Zou & Donner, "Construction of Confidence Limits about Effect Measures: A General Approach", 2008, equations 7 and 8, for
            correlated shares as in Zou, "On the Estimation of Additive Interaction", 2008, extended to P shares.
        """
        if self.spread is None:
            return None
        sizes, lowest, highest = self.spread.sizes, -float(np.sum(self.weights < 0)), float(np.sum(self.weights > 0))
        if self.spread.of(self.weights) == 0:
            return unvaried(self.value, lowest, highest, sizes, level)
        errors = np.sqrt(np.diag(self.spread.covariance).clip(0))
        triples = zip(self.shares.tolist(), errors.tolist(), self.spread.degrees.tolist(), strict=True)
        low, high = np.transpose([of_share(share, error, sizes, level, degrees) for share, error, degrees in triples])
        below, above = self.shares - low, high - self.shares
        rising = self.weights > 0
        return Interval(
            max(lowest, self.value - self._length(np.where(rising, below, above), errors)),
            min(highest, self.value + self._length(np.where(rising, above, below), errors)),
        )

    def _length(self, distances: Floats, errors: Floats) -> float:
        """Length of the distances added up as vectors whose angles are the correlations of what they belong to."""
        assert self.spread is not None
        scale = np.outer(errors, errors)
        alike = np.divide(self.spread.covariance, scale, out=np.eye(len(errors)), where=scale > 1e-18)
        signed = distances * self.weights
        return math.sqrt(max(0.0, float(signed @ alike @ signed)))

    def equivalence(self, margin: float = MARGIN) -> float | None:
        """p-value of "the difference is `margin` or more, to either side", against "it lies within": two one-sided tests.

        It is the smallest alpha whose (1 - 2 alpha) interval lies within the margin; at most 0.5.

        Source:
            Schuirmann, "A Comparison of the Two One-Sided Tests Procedure and the Power Approach", 1987.
        """
        if self.spread is None:
            return None

        def within(alpha: float) -> bool:
            bounds = self.interval(1 - 2 * alpha)
            return bounds is not None and -margin < bounds.low and bounds.high < margin

        return _least(within, 0.5) if abs(self.value) < margin else 0.5


def _least(holds: Callable[[float], bool], high: float) -> float:
    """The smallest alpha up to `high` from which on something holds."""
    low = 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def contrast(plus: Sequence[Floats], minus: Sequence[Floats], cluster: Clusters) -> Contrast | None:
    """The sum of the shares in `plus` less that of the shares in `minus`, all of the same mentions; None where there are none.

    `contrast([clean], [attacked], ...)` is a drop; `contrast([clean, defended_attacked], [attacked, defended_clean], ...)` the part of
    the drop that a defence saves, a difference in differences.

    Args:
        plus: (S, n) credit in [0, 1] each, seed by seed alike; a part with one seed stands beside every seed of the others, and where
            the numbers differ otherwise, each is averaged over its seeds.
        minus: Likewise.
        cluster: (n,) cluster numbers from 0.
    """
    parts = [*plus, *minus]
    if parts[0].shape[1] == 0:
        return None
    seeds = max(map(len, parts))
    if any(len(part) not in (1, seeds) for part in parts):
        parts, seeds = [part.mean(axis=0, keepdims=True) for part in parts], 1
    stacked = np.stack([np.broadcast_to(part, (seeds, part.shape[1])) for part in parts])
    weights = np.array([1.0] * len(plus) + [-1.0] * len(minus))
    return Contrast(weights, stacked.mean(axis=(1, 2)).clip(0, 1), spread(stacked, cluster))
