"""Intervals of a share: accuracy, on the scale of log-odds."""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy.special import stdtrit

from robustmel.report.credit import Floats
from robustmel.report.statistics.resampling import DRAWS, Clusters, spread

LEVEL = 0.95


class Interval(NamedTuple):
    """Bounds, in [0, 1] of a share, in [-1, 1] of a difference of two."""

    low: float
    high: float


def interval(credit: Floats, cluster: Clusters, level: float = LEVEL, draws: int = DRAWS) -> Interval | None:
    """Interval of the mean credit; None where there are no mentions, or one cluster of mixed ones.

    The clustered bootstrap and the seeds give the standard error, Student's t its multiple (`spread` says how), and the
    scale of log-odds keeps the bounds in [0, 1] and asymmetric near them. With fewer than 30 clusters, or near 0 and 1 with more,
    the bootstrap's own percentiles cover too seldom (docs/report-columns.md has the figures).

    Args:
        credit: (S, n) in [0, 1].
        cluster: (n,) cluster numbers from 0.
        level: Coverage.
        draws: Resamples.

    Source:
        Heeringa, West & Berglund, "Applied Survey Data Analysis", 2nd edition, 2017, section 6.3.2 (the logit interval).
    """
    if credit.shape[1] == 0:
        return None
    share = min(max(float(credit.mean()), 0.0), 1.0)
    if share in (0.0, 1.0):
        return unvaried(share, 0.0, 1.0, int(cluster.max()) + 1, level)
    found = spread(credit[None], cluster, draws)
    if found is None:
        return None
    return of_share(share, math.sqrt(found.covariance[0, 0]), found.clusters, level, float(found.degrees[0]))


def of_share(share: float, error: float, clusters: int, level: float, degrees: float) -> Interval:
    """Interval of a share in [0, 1] whose standard error is known."""
    if share in (0.0, 1.0) or error < 1e-9:
        return unvaried(share, 0.0, 1.0, clusters, level)
    odds = math.log(share / (1 - share))
    reach = multiple(degrees, level) * error / (share * (1 - share))
    return Interval(_share(odds - reach), _share(odds + reach))


def unvaried(value: float, lowest: float, highest: float, clusters: int, level: float) -> Interval:
    """Interval of a mean for which every one of C clusters says the same, so that nothing can be resampled.

    The share of clusters that would say otherwise is at most 1 - tail^(1/C) (Clopper & Pearson, 1934, with no such cluster seen);
    they may say anything from `lowest` to `highest`.
    """
    others = 1 - ((1 - level) / 2) ** (1 / clusters)
    return Interval(value - others * (value - lowest), value + others * (highest - value))


def multiple(degrees: float, level: float) -> float:
    """How many standard errors the bounds are away."""
    return float(stdtrit(degrees, (1 + level) / 2))


def _share(odds: float) -> float:
    """The share with these log-odds, without overflow."""
    return 1 / (1 + math.exp(-odds)) if odds > 0 else 1 - 1 / (1 + math.exp(odds))
