"""Whether scores are the same when asked for twice."""

import torch
from torch import Tensor

from robustmel.attacks.contract import Objective
from robustmel.run.stages.same_answers import OF_THE_SCORE, OF_THE_SPREAD


@torch.no_grad()
def same_twice(objective: Objective, pixels: Tensor) -> Tensor:
    """Scores a batch twice: bool (B,), whether the scores of an image agree.

    Args:
        objective: The scores.
        pixels: float32 (B, 3, H, W) in [0, 1].
    """
    once, again = objective(pixels).float(), objective(pixels).float()
    known = once.isfinite()
    high = torch.where(known, once, -torch.inf).amax(1)
    low = torch.where(known, once, torch.inf).amin(1)
    allowed = OF_THE_SPREAD * (high - low) + OF_THE_SCORE * torch.maximum(high.abs(), low.abs())
    apart = torch.where(known, (once - again).abs(), 0.0).amax(1)
    return (known == again.isfinite()).all(1) & ((apart <= allowed) | ~known.any(1))
