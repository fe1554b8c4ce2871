"""Whether a linker answers the same when asked twice."""

from __future__ import annotations

from robustmel.types import Prediction

OF_THE_SPREAD, OF_THE_SCORE = 1e-4, 1e-6
"""By how much scores may differ: shares of the distance between best and worst, and of the largest. Sums of single precision come out
differently by a thousandth of that; drawing anything at random moves scores by far more."""


def agree(once: Prediction, again: Prediction) -> bool:
    """Whether two answers to one query are the same but for the last bits of their scores."""
    one, other = dict(zip(once.ranked, once.scores, strict=True)), dict(zip(again.ranked, again.scores, strict=True))
    if (once.error is None) != (again.error is None) or one.keys() != other.keys():
        return False
    if not one:
        return True
    high, low = max(one.values()), min(one.values())
    allowed = OF_THE_SPREAD * (high - low) + OF_THE_SCORE * max(abs(high), abs(low))
    return all(abs(score - other[name]) <= allowed or score == other[name] for name, score in one.items())
