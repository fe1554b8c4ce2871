"""Whether a linker answers the same when asked twice."""

import numpy as np
from numpy.typing import NDArray

from robustmel.linkers.ranking import Ranking
from robustmel.types import Prediction

OF_THE_SPREAD, OF_THE_SCORE = 1e-4, 1e-6
"""By how much scores may differ: shares of the distance between best and worst, and of the largest. Sums of single precision come out
differently by a thousandth of that; drawing anything at random moves scores by far more."""

OF_A_LONE_SCORE = 1e-2
"""The same where one entity is ranked, whose score has no distance to another: the log-probability of a sure answer is a small
difference of large sums."""


def agree(once: Prediction, again: Prediction) -> bool:
    """Whether two answers to one query are the same but for the last bits of their scores."""
    if (once.error is None) != (again.error is None):
        return False
    before, after = _scores_by_entity(once), _scores_by_entity(again)
    if before[0] != after[0]:
        return False
    if not len(before[1]):
        return True
    finite = before[1][np.isfinite(before[1])]
    high, low = (finite.max(), finite.min()) if len(finite) else (0.0, 0.0)
    of_the_score = OF_A_LONE_SCORE if len(before[1]) == 1 else OF_THE_SCORE
    allowed = OF_THE_SPREAD * (high - low) + of_the_score * max(abs(high), abs(low))
    return bool(np.isclose(after[1], before[1], rtol=0, atol=allowed, equal_nan=True).all())


def _scores_by_entity(prediction: Prediction) -> tuple[object, NDArray[np.float64]]:
    """Which entities were ranked, and their scores in an order that depends on the entities alone."""
    scores = np.asarray(prediction.scores, dtype=np.float64)
    if isinstance(prediction.ranked, Ranking):
        return id(prediction.ranked.kb), scores[np.argsort(prediction.ranked.order)]
    best = dict(sorted(zip(prediction.ranked, scores.tolist(), strict=True), key=lambda pair: pair[0]))
    return tuple(best), np.array(list(best.values()), dtype=np.float64)
