"""From a row of scores to an answer."""

from __future__ import annotations

import math

from torch import Tensor

from robustmel.types import Prediction, Query


def ranking(query: Query, scores: Tensor | None) -> Prediction:
    """Candidates by descending score; equal ones keep the candidates' order, one that is listed twice is ranked once.

    Args:
        query: What was asked.
        scores: One score a candidate, what follows is ignored; None where they did not fit in memory.
    """
    if scores is None:
        return Prediction(query.id, error="out_of_memory")
    own = dict(zip(query.candidates, scores.tolist(), strict=False))
    if not all(map(math.isfinite, own.values())):
        return Prediction(query.id, error="non_finite")
    ranked = sorted(own, key=own.__getitem__, reverse=True)
    return Prediction(query.id, tuple(ranked), tuple(own[candidate] for candidate in ranked))
