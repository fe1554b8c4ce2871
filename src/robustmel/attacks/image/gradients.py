"""The gradient of an attack's loss with respect to the pixels, and how far loss and margin rose."""

from dataclasses import dataclass

import torch
from torch import Tensor

from robustmel.attacks.contract import Objective
from robustmel.attacks.image.goal import Goal
from robustmel.attacks.image.losses import Loss


@dataclass(frozen=True, slots=True)
class LossGradient:
    """What one forward and one backward pass tell about a batch.

    Args:
        loss: float32 (b,).
        margin: float32 (b,): above zero where the goal is reached at these pixels.
        gradient: float32 (b, 3, H, W); the caller may write over it.
        zero: bool (b,): the gradient is zero everywhere.
        finite: bool (b,): loss, margin and gradient are numbers.
        candidates: int64 (b,): how many candidates have a score, be it a number or not.
    """

    loss: Tensor
    margin: Tensor
    gradient: Tensor
    zero: Tensor
    finite: Tensor
    candidates: Tensor


def loss_gradient(objective: Objective, pixels: Tensor, goal: Goal, loss: Loss, rows: Tensor | None = None) -> LossGradient:
    """The slope of the loss at `pixels`, in float32.

    Losses are summed, not averaged: a mean over a large batch pushes small gradients below what half precision can hold.
    Parameters of the linker get no gradient. An objective cut off from its pixels has the gradient zero, also one that leaves
    torch on the way.

    Args:
        objective: The scores.
        pixels: float32 (b, 3, H, W).
        goal: The goals of these images.
        loss: What is ascended.
        rows: Which images of the batch these are; None means all.
    """
    with torch.enable_grad():
        leaf = pixels.detach().requires_grad_()
        scores = _scores(objective, leaf, rows).float()
        values = loss(scores, goal)
        if values.requires_grad:
            # into `leaf.grad`, which is memory of our own; what `autograd.grad` returns may be the model's
            torch.autograd.backward(values.sum(), inputs=[leaf])
    gradient = torch.zeros_like(pixels) if leaf.grad is None else leaf.grad
    scores, values = scores.detach(), values.detach()
    margin = goal.margin(scores)
    length = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
    if not ((length > 0) & length.isfinite()).all():  # squares leave the range of float32 first: look again without them
        length = gradient.flatten(1).abs().amax(1)  # a sixth of the time of the infinity norm
    finite = length.isfinite() & margin.isfinite() & values.isfinite()
    return LossGradient(values, margin, gradient, length == 0, finite, count_candidates(scores))


def count_candidates(scores: Tensor) -> Tensor:
    """int64 (b,): how many candidates are not absent."""
    return (scores != -torch.inf).sum(1)


def _scores(objective: Objective, leaf: Tensor, rows: Tensor | None) -> Tensor:
    try:
        return objective(leaf, rows)
    except RuntimeError as problem:
        if not leaves_torch(problem):
            raise
        return objective(leaf.detach(), rows)  # no gradient would come back from there


def leaves_torch(problem: Exception) -> bool:
    """Whether an objective failed because it leaves torch with pixels that ask for a gradient; without one it may work."""
    return "numpy() on Tensor that requires grad" in str(problem)


class LossTrace:
    """Loss and margin of each image at the first gradient, and the highest of each since; NaN before there was any.

    It tells a robust linker from an attack that does not work.

    Args:
        like: Any tensor with a row an image, for number and device.
    """

    def __init__(self, like: Tensor) -> None:
        blank = torch.full((len(like),), torch.nan, device=like.device)
        self.loss_first, self.loss_best, self.margin_first, self.margin_best = (blank.clone() for _ in range(4))

    def record(self, slope: LossGradient, rows: Tensor, loss: bool = True) -> None:
        """Adds a step of the images `rows`, int64 (b,); what is not finite is passed over, and losses unless `loss`."""
        margins = (slope.margin, self.margin_first, self.margin_best)
        for values, first, best in (margins, (slope.loss, self.loss_first, self.loss_best)) if loss else (margins,):
            finite_values = torch.where(slope.finite, values.float(), torch.nan)
            first[rows] = torch.where(first[rows].isnan(), finite_values, first[rows])
            best[rows] = torch.fmax(best[rows], finite_values)


def replaced(images: Tensor, where: Tensor, others: Tensor) -> Tensor:
    """`images` with `others` in some places; no copy where it is all or none, since iterates are never written over."""
    if not where.any():
        return images
    return others if where.all() else others.where(where[:, None, None, None], images)
