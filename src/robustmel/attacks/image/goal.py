"""The goal of an attack: to displace the right candidate, or to put another one first."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from robustmel.attacks.contract import Noise


def lead(scores: Tensor, column: Tensor) -> Tensor:
    """How far each image's `column` is above the best other candidate: float32 (B,); unmoved by a constant added to all."""
    index = column[:, None]
    return (scores.gather(1, index) - scores.scatter(1, index, -torch.inf).amax(1, keepdim=True))[:, 0]


@dataclass(frozen=True)
class Goal:
    """The goal for every image of a batch.

    Args:
        gold: int64 (B,), the column of the right candidate.
        target: int64 (B,), the column to put first; None means any but the right one.
        toward: int64 (B,), the column that a loss draws nearer, where any but the right one is good enough.
    """

    gold: Tensor
    target: Tensor | None = None
    toward: Tensor | None = None

    @property
    def pulled(self) -> Tensor | None:
        """int64 (B,): the one column that a loss is about; None where it is about the best wrong one."""
        return self.target if self.toward is None else self.toward

    def margin(self, scores: Tensor) -> Tensor:
        """float32 (B,): above zero where the goal is reached; not finite where the scores are not, or name one candidate."""
        return -lead(scores, self.gold) if self.target is None else lead(scores, self.target)

    def at(self, rows: Tensor) -> Goal:
        """The goals of some images."""
        return Goal(self.gold[rows], *(None if column is None else column[rows] for column in (self.target, self.toward)))


def choose_target(how: str, clean_scores: Tensor, gold: Tensor, noise: Noise) -> Tensor:
    """int64 (B,): the column to put first; absent candidates are never chosen.

    Args:
        how: "random" by lot, "least_likely" the lowest score, "runner_up" the highest below the right one's.
        clean_scores: float32 (B, C) at the input, absent candidates at minus infinity.
        gold: int64 (B,), never chosen where there is another candidate.
        noise: Draws the lot.
    """
    others = clean_scores.isfinite().scatter(1, gold[:, None], False)
    if how == "runner_up":
        return clean_scores.masked_fill(~others, -torch.inf).argmax(1)
    if how == "least_likely":
        return clean_scores.masked_fill(~others, torch.inf).argmin(1)
    lot = noise.integers(others.sum(1).clamp(min=1))
    return (others.cumsum(1) > lot[:, None]).int().argmax(1)


def ranked_wrong(scores: Tensor, gold: Tensor) -> Tensor:
    """int64 (B, C): the wrong candidates' columns by falling score, -1 where there are no more.

    Args:
        scores: float32 (B, C), absent candidates at minus infinity.
        gold: int64 (B,), the right column.
    """
    others = scores.scatter(1, gold[:, None], -torch.inf)
    ranked = others.sort(dim=1, descending=True, stable=True)
    return torch.where(ranked.values.isfinite(), ranked.indices, -1)
