"""The colour linker behind a wall: one that tells scores, and one that tells nothing but its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from robustmel.images import decode
from robustmel.kb import KnowledgeBase
from robustmel.registry import load_file_component
from robustmel.types import Prediction, Query, Task

COLOUR = f"{Path(__file__).with_name('colour_linker.py')}:ColourLinker"


class AnsweringLinker:
    """Answers with the best `at_most` candidates, or with NIL where none scores above `least`."""

    tasks = ("I2T", "IT2T")
    version = 1

    def __init__(self, kb: KnowledgeBase, /, *, at_most: int = 9, least: float = -9.0) -> None:
        self.inner = load_file_component(COLOUR)(kb)
        self.at_most, self.least = at_most, least
        self.files: list[Path | None] = []

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        self.files += [query.image for query in queries]
        return [self._cut(answer) for answer in self.inner.link(queries, task)]

    def _cut(self, answer: Prediction) -> Prediction:
        kept = sum(score > self.least for score in answer.scores[: self.at_most])
        return replace(answer, ranked=answer.ranked[:kept], scores=answer.scores[:kept])


class ScoringLinker(AnsweringLinker):
    """Tells the scores of image files too."""

    def scores(self, queries: Sequence[Query], task: Task) -> torch.Tensor:
        self.files += [query.image for query in queries]
        images = [decode(query.image).astype(np.float32) / 255 for query in queries if query.image]
        return self.inner.logits(torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2), queries, task)  # type: ignore[no-any-return]
