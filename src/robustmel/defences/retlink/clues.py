"""A linker that writes names is told what the image shows: it has no list of candidates to describe."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from robustmel.defences.defended_linker import DefendedLinker
from robustmel.defences.retlink.descriptors import Descriptors, Tagger
from robustmel.types import Prediction, Query, Task


class CluedLinker(DefendedLinker):
    """Answers as the linker does that reads "Visual clues: ..." behind the mention's text; the names it may write stay the same.

    Args:
        linker: One that writes.
        tagger: Describes the image that is linked.
    """

    def __init__(self, linker: Any, tagger: Tagger) -> None:
        super().__init__(linker)
        self._tagger = tagger

    def cut_texts(self, queries: Sequence[Query], task: Task) -> int:
        """As the linker says of the queries with their clues."""
        return super().cut_texts(self._clued(queries, task)[0], task)

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """One prediction a query, in order; an image without clues is told by the status."""
        clued, seen = self._clued(queries, task)
        answers = self.linker.link(clued, task)
        return answers if task == "T2T" else [_told(answer, words) for answer, words in zip(answers, seen, strict=True)]

    @torch.no_grad()
    def scores(self, queries: Sequence[Query], task: Task) -> Tensor:
        """float32 (B, C), as `link` ranks by them."""
        table: Tensor = self.linker.scores(self._clued(queries, task)[0], task)
        return table

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "IT2T") -> Tensor:
        """float32 (B, C), differentiable down to the raw pixels: the clues are those for these pixels, and held constant."""
        table: Tensor = self.linker.logits(pixels, self._clued(queries, task, pixels)[0], task)
        return table

    def _clued(
        self, queries: Sequence[Query], task: Task, pixels: Tensor | None = None
    ) -> tuple[list[Query], list[Descriptors]]:
        if task == "T2T":
            return list(queries), [Descriptors()] * len(queries)
        seen = self._tagger.of_images(queries) if pixels is None else self._tagger.of_pixels(pixels.detach(), queries)
        return [_with(query, words) for query, words in zip(queries, seen, strict=True)], seen


def _with(query: Query, seen: Descriptors) -> Query:
    return replace(query, text=f"{query.text} Visual clues: {', '.join(seen.words)}.".lstrip()) if seen.words else query


def _told(answer: Prediction, seen: Descriptors) -> Prediction:
    changed = answer.status == "ok" and seen.status != "ok" and not answer.error
    status = f"fallback:descriptors_{seen.status}" if changed else answer.status
    return replace(answer, usage=answer.usage + seen.usage, status=status, descriptors=seen.words)
