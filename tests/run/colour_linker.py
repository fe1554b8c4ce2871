"""A linker for tests: an image links to the entity whose colour is nearest; differentiable, tiny, no weights."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import numpy as np
import torch

from robustmel.errors import ImageError
from robustmel.images import decode
from robustmel.kb import KnowledgeBase
from robustmel.types import Prediction, Query, Task


class ColourLinker:
    """Nearest mean colour.

    Args:
        kb: Entities whose description is "red green blue" in [0, 1].
        text_weight: How much a name in the text counts.
        pause: Seconds to wait before each batch, for tests that interrupt.
    """

    tasks = ("I2T", "IT2T", "T2T")
    version = 1
    logit_scale = 20.0

    def __init__(self, kb: KnowledgeBase, /, *, text_weight: float = 0.2, pause: float = 0.0) -> None:
        self.kb = kb
        self.text_weight = text_weight
        self.pause = pause

    def logits(self, pixels: torch.Tensor, queries: Sequence[Query], task: Task = "I2T") -> torch.Tensor:
        if self.pause and (log := os.environ.get("COLOUR_LINKER_CALLS")):
            time.sleep(self.pause)
            with open(log, "a") as calls:  # noqa: PTH123
                calls.write("x")
        width = max(len(query.candidates) for query in queries)
        rows = []
        for picture, query in zip(pixels, queries, strict=True):
            scores = self._text(query) * self.text_weight if task != "I2T" else torch.zeros(len(query.candidates))
            if task != "T2T":
                colours = torch.tensor([[float(one) for one in self.kb[name].description.split()] for name in query.candidates])
                scores = scores - (picture.mean((1, 2)) - colours).square().sum(1)
            rows.append(torch.nn.functional.pad(scores, (0, width - len(scores)), value=-torch.inf))
        return torch.stack(rows)

    def _text(self, query: Query) -> torch.Tensor:
        return torch.tensor([float(self.kb[name].name in query.text) for name in query.candidates])

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        return [self._one(query, task) for query in queries]

    def _one(self, query: Query, task: Task) -> Prediction:
        if not query.candidates:
            return Prediction(query.id)
        pixels = torch.zeros(1, 3, 1, 1)
        if task != "T2T":
            if query.image is None:
                return Prediction(query.id, error="no_image")
            try:
                pixels = torch.from_numpy(decode(query.image).astype(np.float32) / 255).permute(2, 0, 1)[None]
            except ImageError as problem:
                return Prediction(query.id, error=problem.kind)
        scores = self.logits(pixels, [query], task)[0]
        order = scores.argsort(descending=True, stable=True).tolist()
        return Prediction(query.id, tuple(query.candidates[i] for i in order), tuple(scores[order].tolist()))


class TextLinker:
    """Offers `link` alone, for the text task alone."""

    tasks = ("T2T",)
    version = 1

    def __init__(self, kb: KnowledgeBase, /) -> None:
        self.kb = kb

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        ranked = [sorted(query.candidates, key=lambda name: self.kb[name].name not in query.text) for query in queries]
        return [
            Prediction(query.id, tuple(names), tuple(float(-rank) for rank in range(len(names))))
            for query, names in zip(queries, ranked, strict=True)
        ]


class BrokenLinker(TextLinker):
    """Raises on every mention whose text has the word "poison", and answers strangers when asked to."""

    tasks = ("I2T", "T2T")

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        if any("poison" in query.text for query in queries):
            raise ValueError("cannot read this")
        return super().link(queries, task)
