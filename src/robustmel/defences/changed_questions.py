"""The ground of the defences that ask a linker in other words."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from robustmel.defences.defended_linker import DefendedLinker
from robustmel.types import Prediction, Query, Task


class ChangedQuestions(DefendedLinker):
    """Answers as the linker does that is asked other queries; a subclass says which."""

    def asked(self, queries: Sequence[Query], task: Task, pixels: Tensor | None = None) -> list[Query]:
        """What the linker reads in place of some queries; `pixels` stand in for their images where they are given."""
        raise NotImplementedError

    def cut_texts(self, queries: Sequence[Query], task: Task) -> int:
        """As the linker says of what it reads."""
        return super().cut_texts(self.asked(queries, task), task)

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """One prediction a query, in order."""
        answers: list[Prediction] = self.linker.link(self.asked(queries, task), task)
        return answers

    @torch.no_grad()
    def scores(self, queries: Sequence[Query], task: Task) -> Tensor:
        """float32 (B, C), as `link` ranks by them."""
        table: Tensor = self.linker.scores(self.asked(queries, task), task)
        return table

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "IT2T") -> Tensor:
        """float32 (B, C), differentiable down to the raw pixels; what the linker reads is held constant."""
        table: Tensor = self.linker.logits(pixels, self.asked(queries, task, pixels), task)
        return table


def followed(query: Query, line: str) -> Query:
    """The query with a line behind its text."""
    return replace(query, text=f"{query.text} {line}".lstrip())
