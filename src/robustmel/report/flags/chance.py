"""The probability that chance alone raises a flag, over all comparisons of a report."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robustmel.report.credit import Floats
from robustmel.report.flags.evidence import Evidence
from robustmel.report.statistics import FLIPS, Clusters, holm, paired_test

LEVEL = 0.05
"""Chance of any false flag in a whole report, where nothing is wrong with any of its rows."""
LEAST = 0.02
"""A difference below this share of the mentions is not worth a flag, however sure."""


@dataclass(frozen=True)
class OneSidedComparison:
    """Two rows of which one should not be better than the other.

    Args:
        code: Of the kind of doubt.
        row: Whom a flag would be on.
        difference: (n,): above zero where a mention speaks for the flag.
        clause: What is said of this row in the flag's sentence.
    """

    code: str
    row: Evidence
    difference: Floats
    clause: str

    @property
    def size(self) -> float:
        """The mean difference: a share of the mentions; 0 without mentions."""
        return float(self.difference.mean()) if len(self.difference) else 0.0


def beyond_chance(comparisons: Sequence[OneSidedComparison]) -> list[OneSidedComparison]:
    """Those in which a difference of at least `LEAST` is more than chance.

    Every comparison counts as a test, also those with no difference to speak of: the chance that any of them is picked where
    none should be stays below `LEVEL`.
    """
    chances = [
        one_sided(compared.difference, compared.row.clusters) if compared.size >= LEAST else 1.0 for compared in comparisons
    ]
    return [compared for compared, chance in zip(comparisons, holm(chances), strict=True) if chance <= LEVEL]


def detectable_difference(clusters: Clusters, number: int) -> float:
    """The smallest difference that one of `number` comparisons could have called more than chance, as a share of the mentions.

    It is reached where as few clusters as possible change, the smallest of them, all to one side: k have a p-value of 0.5^k.

    Args:
        clusters: (n,) cluster numbers of the mentions compared.
        number: Comparisons in the report; the first to be picked is held against `LEVEL` over their number.
    """
    sizes = np.sort(np.bincount(clusters))
    needed = math.ceil(math.log2(max(number, 1) / LEVEL))
    return 1.0 if needed > len(sizes) else max(LEAST, float(sizes[:needed].sum() / sizes.sum()))


def one_sided(difference: Floats, clusters: Clusters) -> float:
    """p-value of "the differences are as likely to be below zero as above", against "above"; whole clusters are flipped.

    Where no random pattern of signs is as extreme as the observed one, the tail bound of Hoeffding (1963) for sums of random
    signs is taken if it is lower, so that a large report with many comparisons can still be sure of something.

    Args:
        difference: (n,).
        clusters: (n,) cluster numbers.
    """
    if len(difference) == 0 or difference.sum() <= 0:
        return 1.0
    chance = paired_test(difference[None], np.zeros_like(difference)[None], clusters)
    assert chance is not None
    if chance * (1 + FLIPS) > 1.5:
        return chance / 2
    totals = np.bincount(clusters, weights=difference)
    return min(chance / 2, math.exp(-(float(totals.sum()) ** 2) / (2 * float(np.square(totals).sum()))))
