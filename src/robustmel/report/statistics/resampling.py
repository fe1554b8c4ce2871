"""How far means move: the clustered bootstrap over groups of mentions, and the variance between seeds."""

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
    """How far P means move together, had other mentions been asked under other seeds.

    Args:
        covariance: (P, P): the part of clusters, with C / (C - 1) against the smallness of their number C, and that of seeds.
        clusters: C.
        degrees: (P,) degrees of freedom of Student's t for each mean: C - 1 where seeds play no part.
    """

    covariance: Floats
    clusters: int
    degrees: Floats

    def of(self, weights: Floats) -> float:
        """Standard error of the weighted sum of the means; 0 where it does not move at all."""
        error = math.sqrt(max(0.0, float(weights @ self.covariance @ weights)))
        return error if error > _NOTHING else 0.0


def spread(parts: Floats, cluster: Clusters, draws: int = DRAWS) -> Spread | None:
    """The covariance of P means over the same mentions; None where there is one cluster or none.

    Mentions and seeds are crossed: the variance of a mean is the bootstrap's over clusters (drawn with replacement, seeds averaged;
    the mean of a resample is a ratio, since clusters differ in size) and the variance of the seeds' means over their number. What a
    seed does to single mentions is in both parts, so that the sum is rather too large than too small.

    Args:
        parts: (P, S, n): what n mentions earned under S seeds in each of P conditions.
        cluster: (n,) cluster numbers from 0.
        draws: Resamples.

    Source:
        Davison & Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8; the factor C / (C - 1) as in Cameron &
        Miller, "A Practitioner's Guide to Cluster-Robust Inference", 2015, equation 11; crossed random effects as in Owen, "The
        Pigeonhole Bootstrap", 2007; degrees of freedom of a sum of variances as in Satterthwaite, 1946.
    """
    kinds, seeds, mentions = parts.shape
    count = int(cluster.max()) + 1 if mentions else 0
    if count < 2:
        return None
    sizes: Floats = np.bincount(cluster, minlength=count).astype(np.float64)
    totals = np.stack([np.bincount(cluster, weights=part.mean(axis=0), minlength=count) for part in parts], axis=1)
    means = np.concatenate([times @ totals / (times @ sizes)[:, None] for times in _drawn(count, draws)])
    covariance = np.cov(means, rowvar=False).reshape(kinds, kinds) * count / (count - 1)
    degrees = np.full(kinds, count - 1.0)
    if seeds > 1:
        between = np.cov(parts.mean(axis=2)).reshape(kinds, kinds) / seeds
        own, drawn = np.diag(covariance), np.diag(between)
        moved = drawn > _NOTHING**2
        both = own**2 / (count - 1) + drawn**2 / (seeds - 1)
        degrees = np.where(moved, np.divide((own + drawn) ** 2, both, out=degrees, where=moved), degrees)
        covariance = covariance + between
    return Spread(covariance, count, degrees)


def _drawn(count: int, draws: int) -> Iterable[Floats]:
    """How often each cluster is drawn: (rows, C) matrices with `draws` rows in all; the same at every call."""
    return _kept(count, draws) if draws * count <= _CHUNK else _made(count, draws)


@lru_cache(maxsize=4)
def _kept(count: int, draws: int) -> tuple[Floats, ...]:
    return tuple(_made(count, draws))


def _made(count: int, draws: int) -> Iterator[Floats]:
    generator = np.random.default_rng(SEED)
    step = max(1, _CHUNK // count)
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        drawn = generator.integers(0, count, size=(rows, count))
        places = (drawn + np.arange(rows)[:, None] * count).ravel()
        yield np.bincount(places, minlength=rows * count).reshape(rows, count).astype(np.float64)
