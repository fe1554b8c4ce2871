"""Natural image degradations: blur, compression, light, haze, sensor noise; one function each."""

import io
import math
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

Degrade = Callable[[Tensor, float, Tensor], Tensor]
"""(float32 (3, H, W) in [0, 1], severity in (0, 1], standard normal noise (3, H, W)) -> float32 (3, H, W) in [0, 1]."""

WIDEST = 32
"""Pixels a blur reaches at the highest severity, on images large enough for it."""


def gaussian_blur(picture: Tensor, severity: float, noise: Tensor) -> Tensor:
    """Out of focus, smoothly: a Gaussian whose standard deviation is `severity` times `reach`; edges are repeated."""
    sigma = severity * reach(picture)
    steps = torch.arange(-math.ceil(4 * sigma), math.ceil(4 * sigma) + 1, device=picture.device)
    weights = torch.exp(-0.5 * (steps / sigma) ** 2)
    return _blurred(_blurred(picture, weights[None, :]), weights[:, None])


def defocus_blur(picture: Tensor, severity: float, noise: Tensor) -> Tensor:
    """Out of focus, as a lens does it: the mean over a disc whose radius is `severity` times `reach`, with a soft rim."""
    radius = severity * reach(picture)
    steps = torch.arange(-math.ceil(radius), math.ceil(radius) + 1, device=picture.device)
    distance = torch.hypot(*torch.meshgrid(steps.float(), steps.float(), indexing="ij"))
    return _blurred(picture, (radius + 0.5 - distance).clamp(0, 1))


def motion_blur(picture: Tensor, severity: float, noise: Tensor) -> Tensor:
    """A camera that pans: the mean along the row, over `severity` times twice `reach` to both sides together."""
    half = severity * reach(picture)
    steps = torch.arange(-math.ceil(half), math.ceil(half) + 1, device=picture.device)
    return _blurred(picture, (half + 0.5 - steps.abs()).clamp(0, 1)[None, :])


def pixelate(picture: Tensor, severity: float, noise: Tensor) -> Tensor:
    """Fewer pixels: squares of one colour, their mean, up to the whole picture as one."""
    _, height, width = picture.shape
    block = 1 + severity * (max(height, width) - 1)
    size = (max(1, round(height / block)), max(1, round(width / block)))
    return functional.interpolate(functional.adaptive_avg_pool2d(picture[None], size), (height, width), mode="nearest-exact")[0]


def jpeg(picture: Tensor, severity: float, noise: Tensor) -> Tensor:
    """Compressed as JPEG, from quality 95 down to 1."""
    file = io.BytesIO()
    pixels = (picture * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, format="JPEG", quality=round(95 - 94 * severity))
    with Image.open(file) as image:
        return torch.from_numpy(np.array(image)).to(picture.device).permute(2, 0, 1).float() / 255


def brightness(picture: Tensor, severity: float, noise: Tensor) -> Tensor:
    """More light everywhere, up to white."""
    return (picture + severity).clamp(max=1)


def contrast(picture: Tensor, severity: float, noise: Tensor) -> Tensor:
    """Everything nearer to the picture's mean grey, up to that grey alone."""
    return torch.lerp(picture, picture.mean().expand_as(picture), severity)


def haze(picture: Tensor, severity: float, noise: Tensor) -> Tensor:
    """Light haze before everything, drawn and uneven."""
    coarse = functional.adaptive_avg_pool2d(noise[None, :1], 4)
    coarse = (coarse - coarse.amin()) / (coarse.amax() - coarse.amin()).clamp(min=1e-12)
    thickness = functional.interpolate(coarse, picture.shape[1:], mode="bilinear", align_corners=False)[0]
    return torch.lerp(picture, torch.full_like(picture, 0.85), severity * (0.5 + 0.5 * thickness).expand_as(picture))


def gaussian_noise(picture: Tensor, severity: float, noise: Tensor) -> Tensor:
    """Noise of standard deviation `severity` in every pixel, cut off at black and white."""
    return (picture + severity * noise).clamp(0, 1)


def shot_noise(picture: Tensor, severity: float, noise: Tensor) -> Tensor:
    """Few photons: a variance of `severity` squared times the brightness (the Gaussian limit of Poisson's law), cut off likewise."""
    return (picture + severity * picture.sqrt() * noise).clamp(0, 1)


def reach(picture: Tensor) -> float:
    """Pixels that a blur of severity 1 extends to one side: half the longer side, at most `WIDEST`."""
    return min(max(picture.shape[1:]) / 2, WIDEST)


def _blurred(picture: Tensor, weights: Tensor) -> Tensor:
    """Each channel averaged with these weights, (h, w), both odd; beyond the edge its last pixel goes on."""
    height, width = weights.shape
    wider = functional.pad(picture[None], (width // 2, width // 2, height // 2, height // 2), mode="replicate")
    return functional.conv2d(wider.transpose(0, 1), (weights / weights.sum())[None, None]).transpose(0, 1)[0].clamp(0, 1)


DEGRADATIONS: dict[str, Degrade] = {
    degrade.__name__: degrade
    for degrade in (
        gaussian_blur, defocus_blur, motion_blur, pixelate, jpeg, brightness, contrast, haze, gaussian_noise, shot_noise,
    )
}  # fmt: skip

DRAWN = frozenset({"haze", "gaussian_noise", "shot_noise"})
"""Those that use their noise; the others give the same picture each time."""
