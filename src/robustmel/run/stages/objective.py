"""A linker's scores as an attack sees them: a function of the pixels alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import cast

from torch import Tensor

from robustmel.attacks.contract import Objective
from robustmel.linkers.contract import Differentiable, Linker
from robustmel.run.stages.black_box import BlackBoxObjective
from robustmel.types import Query, Task


def objective_of(linkers: Sequence[Differentiable], task: Task, logits: str, queries: Sequence[Query]) -> Objective:
    """The scores that an attack sees: of its one source, differentiable where that is, or of an ensemble of several."""
    if len(linkers) == 1 and not hasattr(linkers[0], "logits"):
        return BlackBoxObjective(cast(Linker, linkers[0]), task, logits, queries)
    if len(linkers) == 1:
        return LinkerObjective(linkers[0], task, logits, queries)
    return EnsembleObjective(linkers, task, logits, queries)


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


class EnsembleObjective:
    """The average of several linkers' scores, each after its own learnt temperature.

    The temperatures bring families with different ranges of scores to one scale, that of log-probabilities, on which they weigh
    the same: up to a constant for each image, which no loss sees, this is the average log-probability of a candidate.

    Args:
        linkers: The sources, two or more; one that says no temperature has 1.
        task: "I2T" for the image view, "IT2T" for the fused view.
        logits: "scaled" leaves the average as it is. "cosine" divides it by the average temperature: then it has the size of one
            linker's cosines, constants of an attack (c, kappa) mean the same, and copies of one linker are attacked as one.
        queries: The batch; an attack that drops images names the rest by their rows.

    Source:
        Liu et al., "Delving into Transferable Adversarial Examples and Black-box Attacks", ICLR 2017, section 5, for attacks on
        ensembles; Dong et al., "Boosting Adversarial Attacks with Momentum", CVPR 2018, section 3.3, for averages of logits.
    """

    def __init__(self, linkers: Sequence[Differentiable], task: Task, logits: str, queries: Sequence[Query]) -> None:
        self._members = [LinkerObjective(linker, task, "scaled", queries) for linker in linkers]
        self._whole = float(len(linkers)) if logits == "scaled" else sum(one.scale for one in self._members)

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        """float32 (b, C); a candidate that is absent holds minus infinity."""
        scores = [one(pixels, rows).float().to(pixels.device) for one in self._members]
        return reduce(add, scores) / self._whole
