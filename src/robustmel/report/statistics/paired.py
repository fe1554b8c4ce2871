"""Whether an attack changes anything: the same mentions before and after; and many such tests at once."""

from collections.abc import Sequence

import numpy as np

from robustmel.report.credit import Floats
from robustmel.report.statistics.spread import Clusters

SEED = 20_000
FLIPS = 10_000
"""Random sign patterns behind a test with too many clusters for all of them."""
EXACT = 14
"""Up to this many clusters that changed, every sign pattern is tried."""
_CHUNK = 500_000
"""Random numbers held at once."""


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


def holm(chances: Sequence[float]) -> list[float]:
    """p-values adjusted for their number: whoever rejects what is at most alpha is wrong anywhere in at most alpha of all reports.

    Source:
        Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979.
    """
    order = np.argsort(chances, kind="stable")
    adjusted = np.empty(len(chances))
    adjusted[order] = np.minimum(
        np.maximum.accumulate(np.asarray(chances, dtype=np.float64)[order] * (len(chances) - np.arange(len(chances)))), 1.0
    )
    return [float(chance) for chance in adjusted]
