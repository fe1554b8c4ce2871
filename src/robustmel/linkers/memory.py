"""What to do when a batch does not fit: halve it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def by_halves(work: Callable[[Sequence[Item]], list[Answer]], items: Sequence[Item]) -> list[Answer | None]:
    """One answer an item; when memory runs out, by halves, and None for an item that does not fit alone."""
    if not items:
        return []
    try:
        return list(work(items))
    except (MemoryError, RuntimeError) as problem:
        if not out_of_memory(problem):
            raise
    if len(items) == 1:
        return [None]
    half = len(items) // 2
    log.warning("out of memory with a batch of %d; trying %d", len(items), half)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return by_halves(work, items[:half]) + by_halves(work, items[half:])


def out_of_memory(problem: BaseException) -> bool:
    """Whether an exception says that memory ran out, on a GPU or in the main memory."""
    return isinstance(problem, (MemoryError, torch.OutOfMemoryError)) or "not enough memory" in str(problem)
