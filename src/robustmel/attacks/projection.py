"""The shortest way from an image to a plane."""

from __future__ import annotations

import torch
from torch import Tensor

MOST = 50
"""Rounds at most; each goes beyond at least one pixel that meets the border, and a handful is the rule."""

CLOSE = 1e-6
"""Share of the way that may be left."""


def way_to_plane(pixels: Tensor, normal: Tensor, distance: Tensor) -> Tensor:
    """The change of least L-infinity length that brings an image onto a plane and leaves no pixel outside [0, 1].

    Every pixel moves by the same length in the direction that helps, as far as it has room. How far is found by Newton's method
    on what has been gained, which rises ever less steeply and is therefore never overshot. Where the plane does not meet the
    box, the change leads to the corner that is nearest to it.

    Args:
        pixels: float32 (b, 3, H, W) in [0, 1].
        normal: float32 (b, 3, H, W), of the plane.
        distance: float32 (b,): what the inner product of the normal and the change is to be.

    Returns:
        float32 (b, 3, H, W).
    """
    direction = normal.sign() * distance.sign()[:, None, None, None]
    room = torch.where(direction > 0, 1 - pixels, pixels)
    weight, needed = normal.abs(), distance.abs()
    length = torch.zeros_like(needed)
    going = needed > 0
    for _ in range(MOST):
        wide = length[:, None, None, None]
        lack = needed - (weight * torch.minimum(room, wide)).sum((1, 2, 3))
        steepness = (weight * (room > wide)).sum((1, 2, 3))
        going = going & (lack > CLOSE * needed) & (steepness > 0)
        if not going.any():
            break
        length = torch.where(going, length + lack / steepness, length)
    return direction * torch.minimum(room, length[:, None, None, None])
