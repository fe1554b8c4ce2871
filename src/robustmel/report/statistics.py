"""How sure a figure is: intervals and tests that know which mentions belong together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustmel.report.credit import Floats

LEVEL = 0.95
DRAWS = 2000
"""Bootstrap resamples behind an interval."""
FLIPS = 10_000
"""Random sign patterns behind a test with too many clusters for all of them."""
EXACT = 14
"""Up to this many clusters that changed, every sign pattern is tried."""
SEED = 20_000
_CHUNK = 4_000_000
"""Random numbers held at once."""

Clusters = NDArray[np.int64]


class Interval(NamedTuple):
    """Bounds of a share, in [0, 1]."""

    low: float
    high: float


def interval(credit: Floats, cluster: Clusters, level: float = LEVEL, draws: int = DRAWS) -> Interval | None:
    """Percentile bootstrap interval of the mean credit; None where there are no mentions, or one cluster of mixed ones.

    Clusters are drawn with replacement, and within each drawn cluster the seeds. Where every mention earned 0 (or every one 1) the
    bootstrap has nothing to vary; the bound is then the exact binomial one over the clusters (Clopper & Pearson, 1934).

    Args:
        credit: (S, n) in [0, 1].
        cluster: (n,) cluster numbers from 0.
        level: Coverage.
        draws: Resamples.

    Source:
        Davison & Hinkley, "Bootstrap Methods and their Application", 1997, sections 3.8 and 5.3.
    """
    if credit.shape[1] == 0:
        return None
    count = int(cluster.max()) + 1
    tail = (1 - level) / 2
    if np.all(credit == credit[0, 0]) and credit[0, 0] in (0.0, 1.0):
        reach = 1 - tail ** (1 / count)
        return Interval(0.0, reach) if credit[0, 0] == 0 else Interval(1 - reach, 1.0)
    if count == 1:
        return None
    totals = np.stack([np.bincount(cluster, weights=row, minlength=count).astype(np.float64) for row in credit], axis=1)
    sizes: Floats = np.bincount(cluster, minlength=count).astype(np.float64)
    means = _resampled(totals, sizes, draws)
    low, high = np.quantile(means, [tail, 1 - tail]).tolist()
    return Interval(low, high)


def _resampled(totals: Floats, sizes: Floats, draws: int) -> Floats:
    """(draws,) ratio means of resampled clusters; totals (C, S) credit sums, sizes (C,)."""
    count, seeds = totals.shape
    generator = np.random.default_rng(SEED)
    step = max(1, _CHUNK // (count * seeds))
    parts = []
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        drawn = generator.integers(0, count, size=(rows, count))
        if seeds == 1:
            credit = totals[drawn, 0]
        else:
            which = generator.integers(0, seeds, size=(rows, count, seeds))
            credit = totals[drawn[:, :, None], which].mean(axis=2)
        parts.append(credit.sum(axis=1) / sizes[drawn].sum(axis=1))
    return np.concatenate(parts)


def paired_test(attacked: Floats, clean: Floats, cluster: Clusters) -> float | None:
    """Two-sided p-value of "the attack changes nothing", by flipping the signs of whole clusters' differences.

    Exact for up to `EXACT` clusters that changed, else over `FLIPS` random patterns (the observed one counted in). None without
    mentions; 1.0 where nothing changed.

    Args:
        attacked: (S, n) credit under attack; seeds are averaged first.
        clean: (S', n) credit of the same mentions on clean images.
        cluster: (n,) cluster numbers.

    Source:
        Fisher, "The Design of Experiments", 1935, section 21; clusters as units.
    """
    if attacked.shape[1] == 0:
        return None
    change = np.bincount(cluster, weights=attacked.mean(axis=0) - clean.mean(axis=0))
    change = change[np.abs(change) > 1e-12]
    if len(change) == 0:
        return 1.0
    observed = abs(change.sum()) - 1e-9
    if len(change) <= EXACT:
        patterns = np.arange(2 ** len(change))[:, None] >> np.arange(len(change)) & 1
        return float(np.mean(np.abs((1 - 2 * patterns) @ change) >= observed))
    generator = np.random.default_rng(SEED)
    step = max(1, _CHUNK // len(change))
    extreme = 0
    for start in range(0, FLIPS, step):
        signs = 1 - 2 * generator.integers(0, 2, size=(min(step, FLIPS - start), len(change)))
        extreme += int(np.sum(np.abs(signs @ change) >= observed))
    return (1 + extreme) / (1 + FLIPS)
