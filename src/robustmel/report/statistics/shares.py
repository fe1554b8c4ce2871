"""Intervals of a share: accuracy, on the scale of log-odds."""

import math
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from robustmel.report.credit import Floats
from robustmel.report.statistics.spread import Clusters, spread

LEVEL = 0.95


class Interval(NamedTuple):
    """Bounds, in [0, 1] of a share, in [-1, 1] of a difference of two."""

    low: float
    high: float


UNKNOWN = (None, None)
"""Bounds where there is no interval: `low, high = interval(...) or UNKNOWN`."""


def interval(credit: Floats, cluster: Clusters, level: float = LEVEL) -> Interval | None:
    """Interval of the mean credit; None where there are no mentions, or one cluster of mixed ones.

    Clusters and seeds give the standard error, Student's t its multiple (`spread` says how), and the scale of log-odds keeps the
    bounds in [0, 1] and asymmetric near them.

    Args:
        credit: (S, n) in [0, 1].
        cluster: (n,) cluster numbers from 0.
        level: Coverage.

    Source:
        Heeringa, West & Berglund, "Applied Survey Data Analysis", 2nd edition, 2017, section 6.3.2 (the logit interval).
    """
    if credit.shape[1] == 0:
        return None
    share = min(max(float(credit.mean()), 0.0), 1.0)
    if share in (0.0, 1.0):
        return unvaried(share, 0.0, 1.0, np.bincount(cluster).astype(np.float64), level)
    moves = spread(credit[None], cluster)
    if moves is None:
        return None
    return of_share(share, math.sqrt(moves.covariance[0, 0]), moves.sizes, level, float(moves.degrees[0]))


def of_share(share: float, error: float, sizes: Floats, level: float, degrees: float) -> Interval:
    """Interval of a share in [0, 1] whose standard error is known."""
    if share in (0.0, 1.0) or error < 1e-9:
        return unvaried(share, 0.0, 1.0, sizes, level)
    odds = math.log(share / (1 - share))
    reach = float(stdtrit(degrees, (1 + level) / 2)) * error / (share * (1 - share))
    return Interval(_share(odds - reach), _share(odds + reach))


def unvaried(value: float, lowest: float, highest: float, sizes: Floats, level: float) -> Interval:
    """Interval of a mean for which every cluster says the same, so that there is no variance to go by.

    Clusters that say otherwise, from `lowest` to `highest`, may hold `unseen` of the mentions.
    """
    others = unseen(sizes, (1 - level) / 2)
    return Interval(value - others * (value - lowest), value + others * (highest - value))


def unseen(sizes: Floats, tail: float) -> float:
    """The largest share of mentions that may be expected to say otherwise, if with chance `tail` no cluster is seen to.

    Each cluster says otherwise as a whole with a chance of its own. The worst chances are found by Lagrange's method: 1 - x / size
    for the largest clusters, 0 for the others, x such that the product of x / size over the former is `tail`. Clusters of one size
    give Clopper & Pearson's bound (1934) with nothing seen among C, 1 - tail^(1/C); one that is nearly everything gives 1 - tail.

    Args:
        sizes: (C,) mentions in each cluster.
        tail: In (0, 1).
    """
    shares = np.sort(sizes / sizes.sum())[::-1]
    number = np.arange(1, len(shares) + 1)
    level = np.exp((math.log(tail) + np.cumsum(np.log(shares))) / number)
    last = int(np.flatnonzero(level < shares)[-1])
    return float(shares[: last + 1].sum() - number[last] * level[last])


def _share(odds: float) -> float:
    """The share with these log-odds, without overflow."""
    return 1 / (1 + math.exp(-odds)) if odds > 0 else 1 - 1 / (1 + math.exp(odds))
