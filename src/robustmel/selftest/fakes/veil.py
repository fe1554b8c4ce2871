"""A linker seen through something that only its pixels or scores pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from robustmel.linkers.contract import Differentiable
from robustmel.selftest.answers import answers
from robustmel.types import Prediction, Query, Task

Ask = Callable[[Tensor], Tensor]
"""float32 pixels (B, 3, H, W) in [0, 1] -> the undefended linker's scores (B, C)."""
See = Callable[[Ask, Tensor], Tensor]
"""The undefended linker and the pixels -> the scores that are shown."""


class Veiled:
    """A linker whose scores are those of another behind a veil; it answers by them too.

    Args:
        linker: The one behind.
        see: What is shown.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("I2T", "IT2T")
    version: ClassVar[int] = 1

    def __init__(self, linker: Any, see: See) -> None:
        self.linker: Differentiable = linker
        self.see = see
        self.logit_scale: float = linker.logit_scale
        self.device = getattr(linker, "device", torch.device("cpu"))

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "I2T") -> Tensor:
        """float32 (B, C), as `Differentiable.logits` says."""
        return self.see(partial(self.linker.logits, queries=queries, task=task), pixels)

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """One prediction a query, ranked by what is shown."""
        return answers(queries, lambda pixels, asked: self.logits(pixels, asked, task), self.device)
