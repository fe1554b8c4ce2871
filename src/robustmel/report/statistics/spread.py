"""How far means move: the variance between groups of mentions that belong together, and between seeds."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustmel.report.credit import Floats

_NOTHING = 1e-9
"""Spreads below this are rounding."""
_LEAST_DEGREES = 0.05
"""Of Student's t, where one cluster is nearly everything; the bounds are then 0 and 1."""

Clusters = NDArray[np.int64]


class Spread(NamedTuple):
    """How far P means move together, had other mentions been asked under other seeds.

    Args:
        covariance: (P, P): the part of clusters and that of seeds.
        sizes: (C,) mentions in each cluster.
        degrees: (P,) degrees of freedom of Student's t for each mean: with clusters of one size C - 1, fewer with others.
    """

    covariance: Floats
    sizes: Floats
    degrees: Floats

    def of(self, weights: Floats) -> float:
        """Standard error of the weighted sum of the means; 0 where it does not move at all."""
        error = math.sqrt(max(0.0, float(weights @ self.covariance @ weights)))
        return error if error > _NOTHING else 0.0


def spread(parts: Floats, cluster: Clusters) -> Spread | None:
    """The covariance of P means over the same mentions; None where there is one cluster or none.

    Mentions and seeds are crossed: the variance of a mean is that between clusters (seeds averaged; robust to whatever goes on within
    them, and corrected for how much a large cluster pulls the mean towards itself) and that of the seeds' means over their number.
    What a seed does to single mentions is in both parts, so that the sum is rather too large than too small.

    Args:
        parts: (P, S, n): what n mentions earned under S seeds in each of P conditions.
        cluster: (n,) cluster numbers from 0.

    Source:
        Bell & McCaffrey, "Bias Reduction in Standard Errors for Linear Regression with Multi-Stage Samples", 2002 (CR2, of a mean);
        crossed random effects as in Owen, "The Pigeonhole Bootstrap", 2007; degrees of freedom of a sum of variances as in
        Satterthwaite, 1946.
    """
    kinds, seeds, mentions = parts.shape
    sizes: Floats = np.bincount(cluster).astype(np.float64)
    if len(sizes) < 2:
        return None
    earned: Floats = parts.mean(axis=1)
    means = earned.mean(axis=1, keepdims=True)
    totals: Floats = np.stack([np.bincount(cluster, weights=part) for part in earned]).astype(np.float64)
    pulled = (totals - means * sizes) / (mentions * np.sqrt(1 - sizes / mentions))
    covariance = pulled @ pulled.T
    degrees: Floats = np.maximum(effective_clusters(earned, totals, sizes) - 1, _LEAST_DEGREES)
    if seeds > 1:
        between = np.cov(parts.mean(axis=2)).reshape(kinds, kinds) / seeds
        own, drawn = np.diag(covariance), np.diag(between)
        moved = drawn > _NOTHING**2
        both = own**2 / degrees + drawn**2 / (seeds - 1)
        degrees = np.where(moved, np.divide((own + drawn) ** 2, both, out=degrees.copy(), where=moved), degrees)
        covariance = covariance + between
    return Spread(covariance, sizes, degrees)


def effective_clusters(earned: Floats, totals: Floats, sizes: Floats) -> Floats:
    """(P,) in [1, C]: how many clusters of one size would say as much; C where all have one size.

    What a cluster of N mentions adds to the variance grows as N (1 + r (N - 1)), with r the correlation within clusters, estimated
    from the variances within and between them; 1 where there is nothing to estimate it from.

    Args:
        earned: (P, n) of each mention.
        totals: (P, C) of each cluster.
        sizes: (C,) mentions of each.

    Source:
        Carter, Schnepel & Steigerwald, "Asymptotic Behavior of a t-Test Robust to Cluster Heterogeneity", 2017, for the number;
        Donner, "A Review of Inference Procedures for the Intraclass Correlation Coefficient", 1986, for the correlation.
    """
    mentions, count = earned.shape[1], len(sizes)
    explained = (totals**2 / sizes).sum(axis=1)
    within = ((earned**2).sum(axis=1) - explained) / max(mentions - count, 1)
    between = (explained - mentions * earned.mean(axis=1) ** 2) / (count - 1)
    usual = (mentions - (sizes**2).sum() / mentions) / (count - 1)
    total = between + (usual - 1) * within
    alike = np.divide(between - within, total, out=np.ones_like(total), where=total > _NOTHING).clip(0, 1)
    weight = sizes * (1 + alike[:, None] * (sizes - 1))
    number: Floats = weight.sum(axis=1) ** 2 / (weight**2).sum(axis=1)
    return number
