"""A linker behind a defence that its pixels or scores pass, and its gradient does not."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Capabilities, Differentiable, Linker
from robustmel.selftest.answers import answers
from robustmel.types import Prediction, Query, Task

LinkerScores = Callable[[Tensor], Tensor]
"""float32 pixels (B, 3, H, W) in [0, 1] -> the undefended linker's scores (B, C)."""
MaskedScores = Callable[[LinkerScores, Tensor], Tensor]
"""The undefended linker and the pixels -> the scores it shows instead."""


class GradientMasked:
    """A linker whose scores are those of another as a fake defence shows them; it answers by them too."""

    tasks: ClassVar[tuple[Task, ...]] = ("I2T", "IT2T")
    version: ClassVar[int] = 1

    def __init__(self, linker: Any, masked_scores: MaskedScores) -> None:
        self.linker: Differentiable = linker
        self.masked_scores = masked_scores
        self.logit_scale: float = linker.logit_scale
        self.device = getattr(linker, "device", torch.device("cpu"))

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "I2T") -> Tensor:
        """float32 (B, C), as `Differentiable.logits` says."""
        return self.masked_scores(partial(self.linker.logits, queries=queries, task=task), pixels)

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """One prediction a query, ranked by the masked scores."""
        return answers(queries, lambda pixels, asked: self.logits(pixels, asked, task), self.device)


class FakeDefence(ABC):
    """Base of the fakes: each says how it shows a linker's scores."""

    version: ClassVar[int] = 1
    random: ClassVar[bool] = False
    uses: ClassVar[tuple[str, ...]] = ()

    def __init__(self, kb: KnowledgeBase, /) -> None:
        self.kb = kb

    @classmethod
    def capabilities(cls, linker: Capabilities, /, **parameters: Any) -> Capabilities:
        """It promises the linker's gradients, which is the lie; it gives scores through them alone."""
        tasks = tuple(task for task in GradientMasked.tasks if task in linker.tasks)
        return replace(linker, tasks=tasks, scores=False, labels=False, open_answers=False)

    def defend(self, linker: Linker, /, **resources: Any) -> Linker:
        """The linker behind it."""
        return GradientMasked(linker, self.masked_scores)

    @abstractmethod
    def masked_scores(self, scores_of: LinkerScores, pixels: Tensor) -> Tensor:
        """The scores that it shows; see `MaskedScores`."""
