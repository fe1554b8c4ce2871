"""A linker whose scores are linear in the pixels, so that what any attack can do to it is known exactly."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import torch
from safetensors import safe_open
from torch import Tensor
from torch.nn import functional

from robustmel.kb import KnowledgeBase
from robustmel.linkers.ranking import ranking
from robustmel.selftest.answers import answers
from robustmel.types import Prediction, Query, Task


class LinearTower:
    """Averages the image over a grid of cells and takes one weighted sum of the cells an entity.

    Its text says which entity is meant, since planted mentions have the id of theirs for a sentence.

    Args:
        kb: Where candidates come from.
        weights: A file written by `fit.write_tower`.
        text: What the text adds to the score of the entity it names, in IT2T and T2T.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("I2T", "IT2T", "T2T")
    version: ClassVar[int] = 2
    logit_scale = 1.0

    def __init__(self, kb: KnowledgeBase, /, *, weights: str, text: float = 0.0) -> None:
        self.kb = kb
        self.text = text
        with safe_open(weights, "pt") as file:
            self.entities: dict[str, int] = {entity: row for row, entity in enumerate(json.loads(file.metadata()["entities"]))}
            self.cells = int(file.metadata()["cells"])
            self.weights: Tensor = file.get_tensor("weights").float()
            self.bias: Tensor = file.get_tensor("bias").float()

    @classmethod
    def assets(cls, *, weights: str, text: float = 0.0) -> tuple[Path, ...]:
        """The weights."""
        return (Path(weights),)

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "I2T") -> Tensor:
        """float32 (B, C), as `Differentiable.logits` says."""
        longest = max((len(query.listed) for query in queries), default=0)
        columns = torch.zeros(len(queries), longest, dtype=torch.int64)
        texts = torch.full((len(queries), longest), -torch.inf)
        for row, query in enumerate(queries):
            candidates = query.listed
            columns[row, : len(candidates)] = torch.tensor([self.entities[entity] for entity in candidates])
            named = [self.text * (task != "I2T" and entity == query.text) for entity in candidates]
            texts[row, : len(candidates)] = torch.tensor(named)
        if task == "T2T":
            return texts
        cells = functional.adaptive_avg_pool2d(pixels, self.cells).flatten(1)
        return functional.linear(cells, self.weights, self.bias).gather(1, columns) + texts

    def scores(self, queries: Sequence[Query], task: Task) -> Tensor:
        """float32 (B, C) from the queries' own images; minus infinity throughout where one cannot be used."""
        longest = max((len(query.listed) for query in queries), default=0)
        table = torch.full((len(queries), longest), -torch.inf)
        for row, (query, answer) in enumerate(zip(queries, self.link(queries, task), strict=True)):
            score_of = dict(zip(answer.ranked, answer.scores, strict=True))
            for column, entity in enumerate(query.listed):
                table[row, column] = score_of.get(entity, -torch.inf)
        return table

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """One prediction a query, ranked by score."""
        if task == "T2T":
            texts = self.logits(torch.empty(0), queries, task)
            return [ranking(query, row) for query, row in zip(queries, texts, strict=True)]
        return answers(queries, lambda pixels, asked: self.logits(pixels, asked, task))
