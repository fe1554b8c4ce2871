"""Queries answered or scored a batch at a time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from robustmel.types import Prediction, Query


def answered(
    queries: Sequence[Query], batch_size: int, answer: Callable[[Sequence[Query]], list[Prediction]]
) -> list[Prediction]:
    """One prediction a query, in order, with its share of the batch's seconds."""
    predictions: list[Prediction] = []
    for start in range(0, len(queries), batch_size):
        batch = queries[start : start + batch_size]
        began = time.perf_counter()
        answers = answer(batch)
        share = (time.perf_counter() - began) / len(batch)
        predictions.extend(replace(prediction, seconds=share) for prediction in answers)
    return predictions


def scored(queries: Sequence[Query], batch_size: int, score: Callable[[Sequence[Query]], Tensor]) -> Tensor:
    """(B, C), from the tables of the batches; the missing columns of shorter lists hold minus infinity."""
    tables = [score(queries[start : start + batch_size]) for start in range(0, len(queries), batch_size)]
    width = max((table.shape[1] for table in tables), default=0)
    padded = [pad(table, (0, width - table.shape[1]), value=-torch.inf) for table in tables]
    return torch.cat(padded) if padded else torch.zeros(0, 0)
