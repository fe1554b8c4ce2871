"""Queries answered a batch at a time, each with its share of the batch's time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from robustmel.types import Prediction, Query


def answered(
    queries: Sequence[Query], batch_size: int, answer: Callable[[Sequence[Query]], list[Prediction]]
) -> list[Prediction]:
    """One prediction a query, in order, with the seconds that it took."""
    predictions: list[Prediction] = []
    for start in range(0, len(queries), batch_size):
        batch = queries[start : start + batch_size]
        began = time.perf_counter()
        answers = answer(batch)
        share = (time.perf_counter() - began) / len(batch)
        predictions.extend(replace(prediction, seconds=share) for prediction in answers)
    return predictions
