"""What gradient attacks ascend: one value an image, larger is worse for the linker.

Absent candidates hold minus infinity. They take part in nothing, and their gradient is zero.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from robustmel.attacks.contract import Objective
from robustmel.attacks.image.goal import Goal

Loss = Callable[[Tensor, Goal], Tensor]
"""float32 (B, C) scores and the goal -> float32 (B,)."""


def margin(scores: Tensor, goal: Goal) -> Tensor:
    """The best wrong score less the right one; with a target, the target's less the best other; toward one, its less the right.

    Source:
        Carlini & Wagner, "Towards Evaluating the Robustness of Neural Networks", 2017, f6 without its bound.
    """
    return goal.margin(scores) if goal.toward is None else _lead_over_gold(scores, goal.gold, goal.toward)


def _lead_over_gold(scores: Tensor, gold: Tensor, column: Tensor) -> Tensor:
    return (scores.gather(1, column[:, None]) - scores.gather(1, gold[:, None]))[:, 0]


def cross_entropy(scores: Tensor, goal: Goal) -> Tensor:
    """Cross-entropy of the right candidate; with a target, or toward one, the negative of that one's."""
    if goal.pulled is not None:
        return -functional.cross_entropy(scores, goal.pulled, reduction="none")
    return functional.cross_entropy(scores, goal.gold, reduction="none")


def dlr(scores: Tensor, goal: Goal) -> Tensor:
    """Difference of logits ratio: the margin in units of the gap below the best score.

    Images with too few candidates for it (`dlr_needs`) get the margin instead.

    Source:
        Croce & Hein, "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks",
        2020, equations 6 and 7.
    """
    needed = dlr_needs(goal)
    plain = margin(scores, goal)
    if scores.shape[1] < needed:
        return plain
    best = scores.topk(needed, dim=1).values
    enough = best[:, -1].isfinite()
    if goal.pulled is None:
        rise, low = plain, best[:, 2]
    else:
        rise = _lead_over_gold(scores, goal.gold, goal.pulled)
        low = (best[:, 2] + best[:, 3]) / 2
    gap = torch.where(enough, best[:, 0] - torch.where(enough, low, 0.0) + 1e-12, 1.0)
    return torch.where(enough, rise / gap, plain)


def dlr_needs(goal: Goal) -> int:
    """The fewest candidates the difference of logits ratio is defined for."""
    return 3 if goal.pulled is None else 4


LOSSES: dict[str, Loss] = {"ce": cross_entropy, "dlr": dlr, "margin": margin}

PROBABILITIES = (
    "scores look like probabilities (in [0, 1], with the sum 1), but cross-entropy and the ratio loss are made for logits"
)
"""A note: the gradient of a cross-entropy vanishes where probabilities are sure."""

SUM_TOLERANCE = 1e-4
"""How far a sum of probabilities may be from 1."""


class ProbabilityCheck:
    """An objective that notes which images' scores have looked like probabilities whenever they were asked for.

    Args:
        objective: The scores.
        like: Any tensor with a row an image, for number and device.

    Source:
        The range check of Croce & Hein's AutoAttack.
    """

    def __init__(self, objective: Objective, like: Tensor) -> None:
        self.objective = objective
        self.suspect = torch.ones(len(like), dtype=torch.bool, device=like.device)
        self._undecided = True

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        """float32 (b, C): the objective's own."""
        scores = self.objective(pixels, rows)
        if self._undecided:
            every = torch.arange(len(scores), device=scores.device) if rows is None else rows
            self.suspect[every] &= look_like_probabilities(scores.detach())
            self._undecided = bool(self.suspect.any())
        return scores


def look_like_probabilities(scores: Tensor) -> Tensor:
    """Whether an image's scores, absent candidates apart, lie in [0, 1] and sum to 1: bool (b,). One alone says nothing."""
    known = scores != -torch.inf
    values = torch.where(known, scores, 0.0)
    inside = ((values >= 0) & (values <= 1)).all(1)
    return inside & ((values.sum(1) - 1).abs() <= SUM_TOLERANCE) & (known.sum(1) > 1)
