"""Detection at every threshold: the area under the ROC curve, and what is found at a low rate of false alarms, with intervals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustmel.report.credit import Floats
from robustmel.report.statistics.shares import LEVEL, Interval
from robustmel.report.statistics.spread import Clusters

RESAMPLES = 1_000
SEED = 30_000


@dataclass(frozen=True)
class Detection:
    """How well scores tell positives from negatives.

    Args:
        auc: Chance that a positive scores higher than a negative, ties counted half.
        found: Share of the positives above the threshold that `false_alarms` of the negatives pass.
        false_alarms: The share of negatives that may be flagged.
        auc_interval: Of `auc`; None with fewer than two clusters that hold positives, or negatives.
        found_interval: Of `found`, likewise.
    """

    auc: float
    found: float
    false_alarms: float
    auc_interval: Interval | None
    found_interval: Interval | None


def detection(
    scores: Floats, positive: NDArray[np.bool_], cluster: Clusters, false_alarms: float = 0.05, level: float = LEVEL
) -> Detection:
    """The figures, and their intervals by resampling whole clusters (percentiles).

    A score of NaN, with which a detector abstains, ranks below all others: what is never flagged is never found.

    Args:
        scores: (N,), higher for what looks positive.
        positive: (N,): what is; both kinds must be there.
        cluster: (N,) cluster numbers from 0: records that belong together (of one entity).
        false_alarms: The share of negatives that may be flagged.
        level: Of the intervals.

    Source:
        Hanley & McNeil, "The Meaning and Use of the Area under a ROC Curve", 1982 (the area as Mann-Whitney's U); Field & Welsh,
        "Bootstrapping Clustered Data", 2007 (the cluster bootstrap).
    """
    ranks = np.unique(np.where(np.isnan(scores), -np.inf, scores), return_inverse=True)[1]
    ones = np.ones(len(scores))
    auc, found = _figures(ranks, positive, ones, false_alarms)
    clusters, generator = int(cluster.max()) + 1, np.random.default_rng(SEED)
    sides = [len(np.unique(cluster[positive == side])) for side in (True, False)]
    if min(sides) < 2:
        return Detection(auc, found, false_alarms, None, None)
    drawn: list[tuple[float, float]] = []
    while len(drawn) < RESAMPLES:
        times = np.bincount(generator.integers(0, clusters, clusters), minlength=clusters)[cluster].astype(np.float64)
        if times[positive].any() and times[~positive].any():
            drawn.append(_figures(ranks, positive, times, false_alarms))
    low, high = np.quantile(drawn, ((1 - level) / 2, (1 + level) / 2), axis=0).tolist()
    return Detection(auc, found, false_alarms, Interval(low[0], high[0]), Interval(low[1], high[1]))


def _figures(ranks: NDArray[np.intp], positive: NDArray[np.bool_], times: Floats, false_alarms: float) -> tuple[float, float]:
    """The area and the share found, every record counted so many times."""
    size = int(ranks.max()) + 1
    positives = np.bincount(ranks[positive], times[positive], size)
    negatives = np.bincount(ranks[~positive], times[~positive], size)
    below = np.cumsum(negatives) - negatives
    auc = positives @ (below + negatives / 2) / (positives.sum() * negatives.sum())
    flagged = np.cumsum(negatives[::-1]) <= false_alarms * negatives.sum() + 1e-9  # thresholds that stay within the rate
    return float(auc), float(positives[::-1][flagged].sum() / positives.sum())
