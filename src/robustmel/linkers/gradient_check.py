"""Checks a linker's gradients against finite differences on 8-bit pictures."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from robustmel.types import Query, Task

GRAIN = 20
"""Levels of 255 by which the noise on the pictures goes up and down: drawn shapes are symmetric, which would hide a mirrored gradient."""

TRIALS = ((0.1, 1), (0.1, 4), (0.01, 1), (0.003, 1))
"""(share, levels): steps of so many levels of 255, in that share of the values, those with the steepest slope. The nearest to what was
promised counts: scores of half precision need long steps, and wild ones short steps along few values."""

LEAST, MOST = 0.75, 1.5
"""Bounds of rise over promise. The package's own linkers lie within 0.97 and 1.04; with their gradients mirrored below 0.75 for at least
two of four pictures, adversarially trained ones included."""


def gradient_problems(logits: Callable[..., Tensor], pixels: Tensor, queries: Sequence[Query], task: Task) -> Iterator[str]:
    """What is wrong with the way from the scores to the pixels, one sentence each.

    Args:
        logits: Of the linker.
        pixels: float32 (B, 3, H, W), multiples of 1/255; B is at least 2.
        queries: B queries with the same number of candidates.
        task: "I2T" or "IT2T".
    """
    dice = torch.Generator().manual_seed(0)
    noise = torch.randint(-GRAIN, GRAIN + 1, pixels.shape, generator=dice).to(pixels.device)
    levels = ((pixels * 255).round() + noise).clamp(0, 255)
    leaf = (levels / 255).requires_grad_()
    scores = logits(leaf, queries, task)
    if not scores.requires_grad:
        yield "its logits carry no gradient to the pixels."
        return
    first = scores.detach().argmax(dim=1, keepdim=True)
    (gradient,) = torch.autograd.grad(_lead(scores, first).sum(), leaf, allow_unused=True)
    if gradient is None or not bool(gradient.isfinite().all()):
        yield "the gradient of its logits does not reach the pixels, or is not finite."
        return
    if bool((gradient.abs().amax(dim=(1, 2, 3)) == 0).any()):
        yield "the gradient of its logits is zero everywhere for some image."
        return
    ratios = torch.stack([_rise(logits, levels, gradient, first, queries, task, *trial) for trial in TRIALS])
    nearest = ratios.gather(0, (ratios - 1).abs().argmin(dim=0, keepdim=True))[0]
    nearest_text = ", ".join(f"{ratio:.2f}" for ratio in nearest.tolist())
    if int((nearest < LEAST).sum()) > 1:
        yield (
            "the gradient of its logits does not point where they rise: along it they change by these multiples of what it"
            f" promises: {nearest_text} (1 is right, below 0 is backwards, near 0 is another picture's gradient)."
        )
    elif int((nearest > MOST).sum()) > 1:
        yield f"the gradient of its logits is too small: they change by {nearest_text} times the predicted change; is a part detached?"


@torch.no_grad()
def _rise(
    logits: Callable[..., Tensor], levels: Tensor, gradient: Tensor, first: Tensor, queries: Sequence[Query], task: Task,
    share: float, step: int,
) -> Tensor:  # fmt: skip
    """float64 (B,): by how much the lead rises from a step against the gradient to one along it, over what the gradient promises."""
    slope = gradient.abs().flatten(1)
    steep = slope.topk(max(1, int(share * slope.shape[1])), dim=1).values[:, -1]
    along = step * torch.where(gradient.abs() >= steep[:, None, None, None], gradient.sign(), 0.0)
    up, down = (levels + along).clamp(0, 255), (levels - along).clamp(0, 255)
    leads = [_lead(logits(side / 255, queries, task).double(), first) for side in (up, down)]
    promised = (gradient.double() * (up - down) / 255).sum(dim=(1, 2, 3))
    return torch.where(promised == 0, 1.0, (leads[0] - leads[1]) / promised)


def _lead(scores: Tensor, first: Tensor) -> Tensor:
    """(B,): of the first candidate over the mean of all others."""
    best = scores.gather(1, first)[:, 0]
    return best - (scores.sum(dim=1) - best) / (scores.shape[1] - 1)
