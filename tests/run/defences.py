"""Defences for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch

from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Capabilities
from robustmel.registry import load_file_component
from robustmel.types import Prediction, Query, Task


class Halved:
    """Rounds pixels to halves, straight through for the gradient: another linker to an attacker who knows of it."""

    version: ClassVar[int] = 1
    random: ClassVar[bool] = False
    uses: ClassVar[tuple[str, ...]] = ()

    def __init__(self, kb: KnowledgeBase, /, strength: float = 1.0) -> None:
        self.strength = strength

    @classmethod
    def capabilities(cls, linker: Capabilities, /, **parameters: Any) -> Capabilities:
        return replace(linker, scores=False)

    def defend(self, linker: Any, /, **resources: Any) -> Any:
        return _Rounding(linker)


class _Rounding:
    tasks = ("I2T", "IT2T", "T2T")
    version = 1

    def __init__(self, linker: Any) -> None:
        self.linker = linker
        self.logit_scale = linker.logit_scale

    def logits(self, pixels: torch.Tensor, queries: Sequence[Query], task: Task = "I2T") -> torch.Tensor:
        seen = pixels + ((pixels * 2).round() / 2 - pixels).detach()
        scores: torch.Tensor = self.linker.logits(seen, queries, task)
        return scores

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        answers: list[Prediction] = self.linker.link(queries, task)
        return answers


class Closed(Halved):
    """Takes the gradients away, and says so."""

    @classmethod
    def capabilities(cls, linker: Capabilities, /, **parameters: Any) -> Capabilities:
        return replace(linker, gradients=False, scores=False)

    def defend(self, linker: Any, /, **resources: Any) -> Any:
        return _Answering(linker)


class Lying(Closed):
    """Takes the gradients away, and says that it keeps them."""

    @classmethod
    def capabilities(cls, linker: Capabilities, /, **parameters: Any) -> Capabilities:
        return linker


class Opening(Halved):
    """Gives gradients to a linker that has none: it answers in its stead, by colours."""

    @classmethod
    def capabilities(cls, linker: Capabilities, /, **parameters: Any) -> Capabilities:
        return replace(linker, gradients=True)

    def __init__(self, kb: KnowledgeBase, /) -> None:
        self.kb = kb

    def defend(self, linker: Any, /, **resources: Any) -> Any:
        return load_file_component(f"{Path(__file__).with_name('colour_linker.py')}:ColourLinker")(self.kb)


class Learning(Halved):
    """Wants the training mentions, and something that nobody has."""

    uses: ClassVar[tuple[str, ...]] = ("train",)

    def defend(self, linker: Any, /, **resources: Any) -> Any:
        assert {mention.split for mention in resources["train"]} <= {"train"}
        return _Rounding(linker)


class Greedy(Halved):
    """Uses what no stage supplies."""

    uses: ClassVar[tuple[str, ...]] = ("evidence",)


class _Answering:
    tasks = ("I2T", "IT2T", "T2T")
    version = 1

    def __init__(self, linker: Any) -> None:
        self.linker = linker

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        answers: list[Prediction] = self.linker.link(queries, task)
        return answers
