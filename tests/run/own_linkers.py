"""Linkers of one's own that are odd, or broken."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch

from robustmel.kb import KnowledgeBase
from robustmel.types import Prediction, Query, Task

FORMS: dict[str, Any] = {
    "float": float,
    "numpy": np.float64,
    "torch": lambda value: torch.tensor(value, dtype=torch.float64),
    "longdouble": np.longdouble,
}


class HairsApart:
    """Scores candidates by rank, each `step` below the one before; the text says which place the gold entity e0 gets.

    Args:
        kb: Not read.
        form: Of each score.
        top: The highest score.
        step: From one score to the next.
        distances: Whether lower is better.
        failing: What the scores of odd mentions are not.
    """

    tasks: ClassVar = ("T2T",)
    version: ClassVar = 1

    def __init__(
        self, kb: KnowledgeBase, /, form: str = "float", top: float = 1.0, step: float = 1e-9, distances: bool = False,
        failing: bool = False,
    ) -> None:  # fmt: skip
        self.form, self.top, self.step, self.distances, self.failing = FORMS[form], top, step, distances, failing

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        return [self._answer(query) for query in queries]

    def _answer(self, query: Query) -> Prediction:
        number, place = (int(part) for part in re.findall(r"\d+", query.text))
        ranked = [name for name in sorted(query.candidates or ()) if name != "e0"]
        ranked.insert(place, "e0")
        down = [self.form(self.top - self.step * rank) for rank in range(len(ranked))]
        scores = [-score for score in down] if self.distances else down
        return Prediction(query.id, ranked, [float("nan")] * len(ranked) if self.failing and number % 2 else scores)


class NoTasks:
    """Names no tasks."""

    version: ClassVar = 1

    def __init__(self, kb: KnowledgeBase, /) -> None: ...

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        return []


class Dicts(HairsApart):
    """Answers with tables."""

    def link(self, queries: Sequence[Query], task: Task) -> Any:
        return [{"id": query.id, "ranked": list(query.listed)} for query in queries]


class Unbuildable(HairsApart):
    """Cannot be built."""

    def __init__(self, kb: KnowledgeBase, /) -> None:
        raise ZeroDivisionError("by design")


class ExitsWhenBuilt(HairsApart):
    """Ends the process, or would like to."""

    def __init__(self, kb: KnowledgeBase, /) -> None:
        raise SystemExit(7)


class ExitsWhenAsked(HairsApart):
    """Likewise, later."""

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        raise SystemExit(7)
