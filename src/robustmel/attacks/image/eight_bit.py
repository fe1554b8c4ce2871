"""Images of 8 bits a channel: what a file keeps of pixels, and changes that stay as short as they were in it."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from robustmel.images import Pixels

HALVINGS = 12
"""How often the interval is halved in which the longest multiple of a change is sought."""


def eight_bit(pixels: Tensor) -> Tensor:
    """The pixels as a PNG keeps them: rounded, never cut off."""
    return (pixels * 255).round().clamp(0, 255) / 255


def as_pictures(pixels: Tensor) -> list[Pixels]:
    """What is written to files: uint8 (H, W, 3) for each of float32 (B, 3, H, W) in [0, 1], rounded likewise."""
    levels = (pixels * 255).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return list(np.ascontiguousarray(levels))


def as_pixels(pictures: list[Pixels], device: torch.device) -> Tensor:
    """The other way: float32 (B, 3, H, W) in [0, 1] of pictures of one size."""
    return torch.from_numpy(np.stack(pictures)).to(device).permute(0, 3, 1, 2).float() / 255


def euclidean(change: Tensor) -> Tensor:
    """(B,): the L2 length of each image's change."""
    length: Tensor = torch.linalg.vector_norm(change, dim=(1, 2, 3))
    return length


def largest(change: Tensor) -> Tensor:
    """(B,): the L-infinity length of each image's change."""
    length: Tensor = torch.linalg.vector_norm(change, ord=torch.inf, dim=(1, 2, 3))
    return length


def within(pixels: Tensor, change: Tensor, length: float | Tensor, size: Callable[[Tensor], Tensor]) -> Tensor:
    """Images plus the longest multiples, 1 at most, of changes that are no longer than `length` once rounded to 8 bits.

    Args:
        pixels: float32 (B, 3, H, W), multiples of 1/255.
        change: float32 (B, 3, H, W).
        length: In units of the pixel range; one for all, or (B,).
        size: Changes -> their sizes, (B,).
    """

    def fits(share: Tensor) -> Tensor:
        levels = (moved(share) * 255).round().double() - (pixels * 255).round()
        return size(levels) <= 255 * length * (1 + 1e-9)

    def moved(share: Tensor) -> Tensor:
        return (pixels + share[:, None, None, None] * change).clamp(0, 1)

    whole = torch.ones(len(pixels), device=pixels.device)
    if fits(whole).all():
        return moved(whole)
    low, high = torch.zeros_like(whole), whole.clone()
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        inside = fits(middle)
        low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
    return moved(torch.where(fits(whole), whole, low))
