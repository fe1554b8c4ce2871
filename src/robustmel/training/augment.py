"""Random changes of training images, in torch, from one generator."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from robustmel.training.dual_encoder_recipe import Augmentation

GREY = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a pixel's brightness (ITU-R BT.601)."""


def augment(pixels: Tensor, strength: Augmentation, generator: torch.Generator) -> Tensor:
    """Shifts, scales, recolours and roughens each image on its own.

    Args:
        pixels: float32 (B, 3, H, W) in [0, 1].
        strength: Largest changes; what is 0 is left alone.
        generator: The only source of randomness.

    Returns:
        float32 (B, 3, H, W) in [0, 1].
    """
    count = pixels.shape[0]
    if count == 0:
        return pixels

    def uniform(largest: float, *shape: int) -> Tensor:
        return (torch.rand(count, *shape, generator=generator) * 2 - 1) * largest

    if strength.shift or strength.scale:
        warp = torch.zeros(count, 2, 3)
        warp[:, 0, 0] = 1 + uniform(strength.scale)
        warp[:, 1, 1] = 1 + uniform(strength.scale)
        warp[:, :, 2] = uniform(2 * strength.shift, 2)  # the grid runs from -1 to 1
        grid = functional.affine_grid(warp, list(pixels.shape), align_corners=False)
        pixels = functional.grid_sample(pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    if strength.hue:
        pixels = torch.einsum("bij,bjhw->bihw", _hue_rotations(uniform(strength.hue * 2 * math.pi)), pixels)
    if strength.contrast:
        mean = pixels.mean((1, 2, 3), keepdim=True)
        pixels = mean + (pixels - mean) * (1 + uniform(strength.contrast, 1, 1, 1))
    if strength.brightness:
        pixels = pixels * (1 + uniform(strength.brightness, 1, 1, 1))
    if strength.noise:
        deviation = uniform(strength.noise, 1, 1, 1).abs()
        pixels = pixels + deviation * torch.randn(pixels.shape, generator=generator)
    return pixels.clamp(0, 1)


def _hue_rotations(angles: Tensor) -> Tensor:
    """(B, 3, 3) matrices that turn the chroma plane around the grey axis and keep brightness."""
    grey = torch.tensor(GREY)
    to_yiq = torch.stack([grey, torch.tensor([0.596, -0.274, -0.322]), torch.tensor([0.211, -0.523, 0.312])])
    turn = torch.zeros(len(angles), 3, 3)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = angles.cos()
    turn[:, 1, 2], turn[:, 2, 1] = -angles.sin(), angles.sin()
    rotations: Tensor = torch.linalg.inv(to_yiq) @ turn @ to_yiq
    return rotations
