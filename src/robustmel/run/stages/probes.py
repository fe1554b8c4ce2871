"""What is tried on the scores of a batch before an attack: whether they repeat, and whether the gradient points where they rise."""

import torch
from torch import Tensor

from robustmel.attacks.contract import Objective
from robustmel.attacks.image.goal import Goal
from robustmel.attacks.image.gradients import loss_gradient
from robustmel.attacks.image.losses import margin
from robustmel.attacks.image.watched_objective import WatchedObjective
from robustmel.run.stages.same_answers import OF_THE_SCORE, OF_THE_SPREAD

SHARE = 0.1
"""Of the entries, those with the steepest slope take part: a short step, along which scores of large models are still straight."""

RESOLVED = 64
"""So many of the smallest steps of the largest score must the promised rise be long."""


@torch.no_grad()
def same_twice(objective: Objective, pixels: Tensor) -> Tensor:
    """Scores a batch twice: bool (B,), whether the scores of an image agree.

    Args:
        objective: The scores.
        pixels: float32 (B, 3, H, W) in [0, 1].
    """
    once, again = objective(pixels).float(), objective(pixels).float()
    finite = once.isfinite()
    high = torch.where(finite, once, -torch.inf).amax(1)
    low = torch.where(finite, once, torch.inf).amin(1)
    allowed = OF_THE_SPREAD * (high - low) + OF_THE_SCORE * torch.maximum(high.abs(), low.abs())
    apart = torch.where(finite, (once - again).abs(), 0.0).amax(1)
    return (finite == again.isfinite()).all(1) & ((apart <= allowed) | ~finite.any(1))


def first_step(objective: Objective, pixels: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """How far the best wrong candidate should come up on the right one, and comes: two float32 (B,).

    The step is one level of 255 up or down where the slope is steepest (`SHARE`), so both images are such as a file holds, and no
    rounding comes between. The prediction is the gradient's. Both are NaN where scores are not finite, or too coarse to show such a rise. What a linker draws here, it draws again afterwards.

    Args:
        objective: The scores.
        pixels: float32 (B, 3, H, W), multiples of 1/255.
        right: int64 (B,), the column of the right candidate.
    """
    watched, goal = WatchedObjective(objective, right), Goal(right)
    with torch.random.fork_rng([pixels.device] if pixels.device.type == "cuda" else []):  # by itself it would begin every GPU
        slope = loss_gradient(watched, pixels, goal, margin)
        steepness = slope.gradient.abs().flatten(1)
        least = steepness.topk(max(1, int(SHARE * steepness.shape[1])), dim=1).values[:, -1]
        step = torch.where(slope.gradient.abs() >= least[:, None, None, None], slope.gradient.sign(), 0.0)
        moved = (pixels * 255 + step).round().clamp(0, 255) / 255
        predicted = (slope.gradient.double() * (moved - pixels)).sum((1, 2, 3))
        with torch.no_grad():
            scores = watched(moved)
    risen = goal.margin(scores.float()) - slope.margin
    size = torch.where(scores.isfinite(), scores, 0).abs().amax(1)
    measurable = slope.finite & risen.isfinite() & (predicted > RESOLVED * torch.finfo(scores.dtype).eps * size)
    return torch.where(measurable, predicted, torch.nan).float(), torch.where(measurable, risen, torch.nan)
