"""What gradient attacks ascend: one value an image, larger is worse for the linker.

Absent candidates hold minus infinity. They take part in nothing, and their gradient is zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from robustmel.attacks.goal import Goal

Loss = Callable[[Tensor, "Goal"], Tensor]
"""float32 (B, C) scores and the goal -> float32 (B,)."""


def lead(scores: Tensor, column: Tensor) -> Tensor:
    """How far each image's `column` is above the best other candidate: float32 (B,); unmoved by a constant added to all."""
    index = column[:, None]
    return (scores.gather(1, index) - scores.scatter(1, index, -torch.inf).amax(1, keepdim=True))[:, 0]


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
    if goal.drawn is not None:
        return -functional.cross_entropy(scores, goal.drawn, reduction="none")
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
    if goal.drawn is None:
        rise, low = plain, best[:, 2]
    else:
        rise = _lead_over_gold(scores, goal.gold, goal.drawn)
        low = (best[:, 2] + best[:, 3]) / 2
    gap = torch.where(enough, best[:, 0] - torch.where(enough, low, 0.0) + 1e-12, 1.0)
    return torch.where(enough, rise / gap, plain)


def dlr_needs(goal: Goal) -> int:
    """The fewest candidates the difference of logits ratio is defined for."""
    return 3 if goal.drawn is None else 4


LOSSES: dict[str, Loss] = {"ce": cross_entropy, "dlr": dlr, "margin": margin}
