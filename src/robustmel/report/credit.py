"""The credit of each mention: ties share, failures get nothing, no mention is left out."""

import math
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import chain
from operator import itemgetter, methodcaller
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustmel.report.results import PlacedPrediction
from robustmel.types import Prediction

KS = (1, 3, 5, 10)
"""The k of hits@k."""

Floats = NDArray[np.float64]


class GoldRank(NamedTuple):
    """Where the gold entity came out.

    Args:
        above: How many entities have a strictly higher score.
        tied: How many have exactly the gold entity's score, itself among them; 0 where gold was not ranked at all.
    """

    above: int
    tied: int

    def hits(self, k: int) -> float:
        """Chance that gold is among the first k when ties are broken by lot, in [0, 1]."""
        return min(max(k - self.above, 0), self.tied) / self.tied if self.tied else 0.0

    def reciprocal(self) -> float:
        """Expected 1 / rank when ties are broken by lot; 0 where gold was not ranked."""
        ranks = range(self.above + 1, self.above + self.tied + 1)
        return math.fsum(1 / rank for rank in ranks) / self.tied if self.tied else 0.0

    def rank(self) -> float:
        """Mean rank over the ties, from 1; infinity where gold was not ranked."""
        return self.above + (self.tied + 1) / 2 if self.tied else math.inf


NOWHERE = GoldRank(0, 0)
FIRST = GoldRank(0, 1)


def gold_rank(gold: str | None, prediction: Prediction) -> GoldRank:
    """Where the gold entity came out in one prediction.

    What was counted over the whole ranking goes before what the part of it that was kept says. Equality of scores is exact. The order of `ranked` plays no part beside the scores. A NIL mention (gold None) is right
    if and only if nothing was ranked and there was no error.
    """
    if failure(prediction) is not None:
        return NOWHERE
    if gold is None:
        return NOWHERE if prediction.ranked else FIRST
    if isinstance(prediction, PlacedPrediction) and prediction.above is not None and prediction.tied is not None:
        return GoldRank(prediction.above, prediction.tied)
    pairs = sorted(zip(prediction.ranked, prediction.scores, strict=True), key=itemgetter(1))
    best = dict(pairs)  # of an entity ranked twice, the higher score
    own = best.get(gold)
    if own is None:
        return NOWHERE
    scores = list(best.values())
    return GoldRank(sum(score > own for score in scores), scores.count(own))


def failure(prediction: Prediction) -> str | None:
    """Why there is no answer, in a few words that name no file; None where there is one. NaN scores order nothing: a failure."""
    if prediction.error is not None:
        return ":".join(prediction.error.split(":")[:2]) or "unknown"
    if any(map(math.isnan, prediction.scores)):
        return "nan_scores"
    return None if len(prediction.ranked) == len(prediction.scores) else "scores_missing"


@dataclass(frozen=True)
class Ranks:
    """Where the gold entities of n mentions came out in one set of answers, in four bytes a mention.

    Args:
        different: The ranks that occur, each once.
        number: int32 (n,): which of them each mention has.
        failures: One (mention's number from 0, why) a failed row, in order.
    """

    different: tuple[GoldRank, ...]
    number: NDArray[np.int32]
    failures: tuple[tuple[int, str], ...]

    def values(self, figure: Callable[[GoldRank], float]) -> Floats:
        """(n,): a figure of each mention's rank."""
        return np.array([figure(rank) for rank in self.different], dtype=np.float64)[self.number]


@dataclass(frozen=True)
class Credit:
    """What n mentions earned under S seeds. It is computed whenever it is asked for, and held by nobody else.

    Args:
        seeds: The sets of answers of each seed; of those a mention has the least, and a failure in one of them is a failure.
    """

    seeds: tuple[tuple[Ranks, ...], ...]

    def least(self, figure: Callable[[GoldRank], float]) -> Floats:
        """(S, n): the least that a figure comes to in any set of answers."""
        return np.stack([reduce(np.minimum, (answers.values(figure) for answers in seed)) for seed in self.seeds])

    @cached_property
    def credit(self) -> Floats:
        """(S, n) in [0, 1]: 1 right, 0 wrong, 1/t where t candidates share the highest score and gold is one of them."""
        return self.hits(1)

    def hits(self, k: int) -> Floats:
        """(S, n) in [0, 1]: whether gold is among the first k, ties in fractions."""
        return self.least(methodcaller("hits", k))

    @property
    def reciprocal(self) -> Floats:
        """(S, n) in [0, 1]: expected 1 / rank of gold."""
        return self.least(GoldRank.reciprocal)

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Whether there was no answer: bool (S, n)."""
        failed = np.zeros((len(self.seeds), len(self.seeds[0][0].number)), dtype=np.bool_)
        for seed, sets in zip(failed, self.seeds, strict=True):
            seed[[mention for answers in sets for mention, _ in answers.failures]] = True
        return failed

    @property
    def failures(self) -> tuple[tuple[int, str], ...]:
        """One (mention's number from 0, why) a failed row."""
        return tuple(failure for seed in self.seeds for answers in seed for failure in answers.failures)


def gold_ranks(golds: Iterable[str | None], predictions: Iterable[Prediction]) -> Ranks:
    """Of golds and predictions of the same mentions in the same order."""
    different, number, failures = dict[GoldRank, int](), array("i"), list[tuple[int, str]]()
    for mention, (gold, answer) in enumerate(zip(golds, predictions, strict=True)):
        number.append(different.setdefault(gold_rank(gold, answer), len(different)))
        if (why := failure(answer)) is not None:
            failures.append((mention, why))
    return Ranks(tuple(different), np.array(number, dtype=np.int32), tuple(failures))


def credited(golds: Iterable[str | None], predictions: Iterable[Prediction]) -> Credit:
    """Scores one row set (S = 1): golds and predictions of the same mentions in the same order."""
    return Credit(((gold_ranks(golds, predictions),),))


def over_seeds(runs: Iterable[Credit]) -> Credit:
    """Several seeds of one cell side by side."""
    return Credit(tuple(seed for run in runs for seed in run.seeds))


def worst(parts: Iterable[Credit]) -> Credit:
    """Per seed and mention the least of what several sets of answers earned."""
    return Credit(tuple(tuple(chain(*seed)) for seed in zip(*(part.seeds for part in parts), strict=True)))
