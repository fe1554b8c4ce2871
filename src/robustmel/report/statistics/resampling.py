"""The clustered bootstrap: which means might have come out, had other groups of mentions been asked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustmel.report.credit import Floats

DRAWS = 1000
"""Resamples behind a standard error."""
SEED = 20_000
_CHUNK = 4_000_000
"""Random numbers held at once."""
_NOTHING = 1e-9
"""Spreads below this are rounding."""

Clusters = NDArray[np.int64]


class Spread(NamedTuple):
    """How far P means move together from resample to resample.

    Args:
        covariance: (P, P), with C / (C - 1) against the smallness of the number C of clusters.
        clusters: C.
    """

    covariance: Floats
    clusters: int

    def of(self, weights: Floats) -> float:
        """Standard error of the weighted sum of the means; 0 where it does not move at all."""
        error = math.sqrt(max(0.0, float(weights @ self.covariance @ weights)))
        return error if error > _NOTHING else 0.0


def spread(parts: Floats, cluster: Clusters, draws: int = DRAWS) -> Spread | None:
    """The covariance of P means over the same mentions; None where there is one cluster or none.

    Clusters are drawn with replacement, and within each drawn cluster the seeds, for all parts alike. The mean of a resample is a
    ratio: credit over mentions, since clusters differ in size.

    Args:
        parts: (P, S, n): what n mentions earned under S seeds in each of P conditions.
        cluster: (n,) cluster numbers from 0.
        draws: Resamples.

    Source:
        Davison & Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8; the factor C / (C - 1) as in Cameron &
        Miller, "A Practitioner's Guide to Cluster-Robust Inference", 2015, equation 11.
    """
    kinds, mentions = len(parts), parts.shape[2]
    count = int(cluster.max()) + 1 if mentions else 0
    if count < 2:
        return None
    sizes: Floats = np.bincount(cluster, minlength=count).astype(np.float64)
    totals = np.array([[np.bincount(cluster, weights=row, minlength=count) for row in part] for part in parts])
    means = _resampled(totals.transpose(2, 1, 0), sizes, draws)
    covariance = np.cov(means, rowvar=False).reshape(kinds, kinds)
    return Spread(covariance * count / (count - 1), count)


def _resampled(totals: Floats, sizes: Floats, draws: int) -> Floats:
    """(draws, P) ratio means of resampled clusters; totals (C, S, P) credit sums, sizes (C,)."""
    count, seeds, kinds = totals.shape
    flat = totals.reshape(count * seeds, kinds) / seeds
    found = []
    for times in _drawn(count, seeds, draws):
        clusters = times.reshape(len(times), count, seeds).sum(axis=2) / seeds
        found.append(times @ flat / (clusters @ sizes)[:, None])
    return np.concatenate(found)


def _drawn(count: int, seeds: int, draws: int) -> Iterable[Floats]:
    """How often each seed of each cluster is drawn: (rows, C S) matrices with `draws` rows in all; the same at every call."""
    return _kept(count, seeds, draws) if draws * count * seeds <= _CHUNK else _made(count, seeds, draws)


@lru_cache(maxsize=4)
def _kept(count: int, seeds: int, draws: int) -> tuple[Floats, ...]:
    return tuple(_made(count, seeds, draws))


def _made(count: int, seeds: int, draws: int) -> Iterator[Floats]:
    generator = np.random.default_rng(SEED)
    step = max(1, _CHUNK // (count * seeds))
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        drawn = generator.integers(0, count, size=(rows, count))
        if seeds > 1:
            drawn = (drawn[:, :, None] * seeds + generator.integers(0, seeds, size=(rows, count, seeds))).reshape(rows, -1)
        width = count * seeds
        places = (drawn + np.arange(rows)[:, None] * width).ravel()
        yield np.bincount(places, minlength=rows * width).reshape(rows, width).astype(np.float64)
