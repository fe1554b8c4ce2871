"""A linker's scores as an attack sees them: a function of the pixels alone."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from robustmel.linkers.contract import Differentiable
from robustmel.types import Query, Task


class LinkerObjective:
    """The scores of a batch of queries.

    Args:
        linker: The source.
        task: "I2T" for the image view, "IT2T" for the fused view.
        logits: "cosine" leaves the scores as they are, "scaled" multiplies them by the linker's learnt temperature.
        queries: The batch; an attack that drops images names the rest by their rows.
    """

    def __init__(self, linker: Differentiable, task: Task, logits: str, queries: Sequence[Query]) -> None:
        self.linker = linker
        self.task = task
        self.scale = linker.logit_scale if logits == "scaled" else 1.0
        self.queries = list(queries)

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        """float32 (b, C)."""
        queries = self.queries if rows is None else [self.queries[row] for row in rows.tolist()]
        return self.linker.logits(pixels, queries, self.task) * self.scale
