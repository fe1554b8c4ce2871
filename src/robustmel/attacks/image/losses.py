"""What gradient attacks ascend: one value an image, larger is worse for the linker.

Absent candidates hold minus infinity. They take part in nothing, and their gradient is zero.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from robustmel.attacks.image.goal import Goal, lead

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

    Candidates that score exactly alike count as one: two rivals with one text would make the ratio constant. Images with too few
    for it (`dlr_needs`) get the margin instead.

    Source:
        Croce & Hein, "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks",
        2020, equations 6 and 7.
    """
    needed = dlr_needs(goal)
    plain = margin(scores, goal)
    if scores.shape[1] < needed:
        return plain
    best = _highest(scores, needed)
    enough = best[:, -1].isfinite()
    if goal.pulled is None:
        rise, low = plain, best[:, 2]
    else:
        rise = _lead_over_gold(scores, goal.gold, goal.pulled)
        low = (best[:, 2] + best[:, 3]) / 2
    gap = torch.where(enough, best[:, 0] - torch.where(enough, low, 0.0) + 1e-12, 1.0)
    return torch.where(enough, rise / gap, plain)


def _highest(scores: Tensor, count: int) -> Tensor:
    """float32 (B, count): the highest scores that differ, falling; minus infinity where there are fewer."""
    highest = []
    for _ in range(count):
        highest.append(scores.amax(1))
        scores = scores.masked_fill(scores >= highest[-1][:, None], -torch.inf)
    return torch.stack(highest, 1)


def dlr_needs(goal: Goal) -> int:
    """The fewest candidates the difference of logits ratio is defined for."""
    return 3 if goal.pulled is None else 4


def wrong_lead(scores: Tensor, goal: Goal) -> Tensor:
    """The lead of the best wrong candidate, or of the one to be drawn nearer, over all others: the margin until it is first, then more."""
    best = scores.scatter(1, goal.gold[:, None], -torch.inf).argmax(1) if goal.pulled is None else goal.pulled
    return lead(scores, best)


LOSSES: dict[str, Loss] = {"ce": cross_entropy, "dlr": dlr, "margin": margin, "lead": wrong_lead}
