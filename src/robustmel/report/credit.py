"""The credit of each mention: ties share, failures get nothing, no mention is left out."""

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import itemgetter
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
class Credit:
    """What n mentions earned under S seeds.

    Args:
        credit: (S, n) in [0, 1]: 1 right, 0 wrong, 1/t where t candidates share the highest score and gold is one of them.
        hits: (S, n, len(KS)) in [0, 1].
        reciprocal: (S, n) in [0, 1]: expected 1 / rank of gold.
        failed: bool (S, n): no answer.
        failures: One (mention's number from 0, why) a failed row, in order.
    """

    credit: Floats
    hits: Floats
    reciprocal: Floats
    failed: NDArray[np.bool_]
    failures: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Ranks:
    """Where the gold entities of n mentions came out in one set of answers, in eight bytes a mention.

    Args:
        places: int32 (n, 2): `above` and `tied` of `GoldRank`.
        failures: As in `Credit`.
    """

    places: NDArray[np.int32]
    failures: tuple[tuple[int, str], ...]

    def credit(self) -> Credit:
        """What they earned (S = 1)."""
        which, inverse = np.unique(self.places, axis=0, return_inverse=True)
        ranks, number = [GoldRank(*place) for place in which.tolist()], inverse.reshape(-1)
        hits = np.array([[rank.hits(k) for k in KS] for rank in ranks]).reshape(-1, len(KS))[None, number]
        reciprocal = np.array([rank.reciprocal() for rank in ranks])[None, number]
        failed = np.zeros(reciprocal.shape, dtype=np.bool_)
        failed[0, [place for place, _ in self.failures]] = True
        return Credit(hits[..., 0], hits, reciprocal, failed, self.failures)


def gold_ranks(golds: Iterable[str | None], predictions: Iterable[Prediction]) -> Ranks:
    """Of golds and predictions of the same mentions in the same order."""
    places, failures = array("i"), list[tuple[int, str]]()
    for number, (gold, answer) in enumerate(zip(golds, predictions, strict=True)):
        places.extend(gold_rank(gold, answer))
        if (why := failure(answer)) is not None:
            failures.append((number, why))
    return Ranks(np.array(places, dtype=np.int32).reshape(-1, 2), tuple(failures))


def credited(golds: Iterable[str | None], predictions: Iterable[Prediction]) -> Credit:
    """Scores one row set (S = 1): golds and predictions of the same mentions in the same order."""
    return gold_ranks(golds, predictions).credit()


def over_seeds(runs: Sequence[Credit]) -> Credit:
    """Several seeds of one cell side by side."""
    return Credit(
        credit=np.concatenate([run.credit for run in runs]),
        hits=np.concatenate([run.hits for run in runs]),
        reciprocal=np.concatenate([run.reciprocal for run in runs]),
        failed=np.concatenate([run.failed for run in runs]),
        failures=tuple(failure for run in runs for failure in run.failures),
    )


def worst(parts: Sequence[Credit]) -> Credit:
    """Per seed and mention the least of what several sets of answers earned; a failure in one of them is a failure."""
    return Credit(
        credit=reduce(np.minimum, [part.credit for part in parts]),
        hits=reduce(np.minimum, [part.hits for part in parts]),
        reciprocal=reduce(np.minimum, [part.reciprocal for part in parts]),
        failed=reduce(np.logical_or, [part.failed for part in parts]),
        failures=tuple(failure for part in parts for failure in part.failures),
    )
