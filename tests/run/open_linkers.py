"""Linkers for tests that answer from the whole knowledge base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from robustmel.linkers.ranking import ranking
from robustmel.registry import load_file_component
from robustmel.types import Prediction, Query, Task

ColourLinker: Any = load_file_component(f"{Path(__file__).parent / 'colour_linker.py'}:ColourLinker")


class OpenColours(ColourLinker):
    """The colour linker, which reads None as the list of all entities."""

    open_answers = True

    def _listed(self, queries: Sequence[Query]) -> list[Query]:
        return [replace(query, candidates=self.kb.ids) if query.candidates is None else query for query in queries]

    def logits(self, pixels: torch.Tensor, queries: Sequence[Query], task: Task = "I2T") -> torch.Tensor:
        return super().logits(pixels, self._listed(queries), task)

    def scores(self, queries: Sequence[Query], task: Task) -> torch.Tensor:
        raise NotImplementedError("attacked by its gradients alone")

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        assert all(query.candidates is None for query in queries)
        return super().link(self._listed(queries), task)


class Drawing:
    """Scores every entity by numbers drawn for the query: a linker of no size over a knowledge base of any size."""

    tasks = ("T2T",)
    version = 1
    open_answers = True

    def __init__(self, kb, /) -> None:  # type: ignore[no-untyped-def]
        self.kb = kb

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        assert all(query.candidates is None for query in queries)
        return [ranking(query, self._scores(query), self.kb) for query in queries]

    def _scores(self, query: Query) -> torch.Tensor:
        return torch.rand(len(self.kb), generator=torch.Generator().manual_seed(int(query.id, 16) % 2**31))
