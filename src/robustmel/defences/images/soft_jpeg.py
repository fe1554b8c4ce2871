"""JPEG compression as a differentiable function: what a gradient through the real one would be like."""

import io
import math
from functools import cache

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

BLOCK = 8
LUMA_AND_CHROMA = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
"""RGB to brightness and two differences of colour, by JFIF."""


def soft_jpeg(pixels: Tensor, quality: int) -> Tensor:
    """Nearly the pixels that a JPEG file has, (B, 3, H, W) of the same in [0, 1]; differentiable.

    Colour is halved in both directions, and each coefficient of the cosine transform of an 8 x 8 block is divided by its step,
    rounded and multiplied again, with round(x) + (x - round(x))^3 in place of round(x): what would be rounded away has little slope.

    Source:
        Shin & Song, "JPEG-resistant Adversarial Images", NeurIPS 2017 workshop on machine learning and computer security, section 3.
    """
    height, width = pixels.shape[2:]
    padded = functional.pad(pixels, (0, -width % (2 * BLOCK), 0, -height % (2 * BLOCK)), mode="replicate")
    mixing = pixels.new_tensor(LUMA_AND_CHROMA)
    mixed = torch.einsum("ij,bjhw->bihw", mixing, padded)
    steps = [pixels.new_tensor(table) / 255 for table in _steps(quality)]
    luma = _quantised(mixed[:, :1] - 0.5, steps[0]) + 0.5
    chroma = functional.interpolate(
        _quantised(functional.avg_pool2d(mixed[:, 1:], 2), steps[1]), scale_factor=2, mode="bilinear"
    )
    unmixed = torch.einsum("ij,bjhw->bihw", torch.linalg.inv(mixing), torch.cat([luma, chroma], 1))
    return unmixed[:, :, :height, :width].clamp(0, 1)


def _quantised(planes: Tensor, steps: Tensor) -> Tensor:
    """Planes (B, C, H, W), H and W multiples of 8, with softly rounded coefficients."""
    cosines = planes.new_tensor(_cosines())
    blocks = planes.unfold(2, BLOCK, BLOCK).unfold(3, BLOCK, BLOCK)
    scaled = cosines @ blocks @ cosines.T / steps
    rounded = scaled.round().detach()
    softened = (rounded + (scaled - rounded) ** 3) * steps
    return (cosines.T @ softened @ cosines).transpose(3, 4).reshape(planes.shape)


@cache
def _steps(quality: int) -> tuple[list[list[float]], list[list[float]]]:
    """The 8 x 8 steps of brightness and of colour at a quality, as Pillow writes them."""
    file = io.BytesIO()
    Image.new("RGB", (BLOCK, BLOCK)).save(file, "JPEG", quality=quality)
    written = Image.open(file).quantization  # type: ignore[attr-defined]
    luma, chroma = (
        [[float(table[BLOCK * row + column]) for column in range(BLOCK)] for row in range(BLOCK)]
        for table in (written[0], written[1])
    )
    return luma, chroma


@cache
def _cosines() -> list[list[float]]:
    """The orthonormal cosine transform of eight values."""
    return [
        [
            math.sqrt((1 if wave == 0 else 2) / BLOCK) * math.cos(math.pi * (2 * place + 1) * wave / (2 * BLOCK))
            for place in range(BLOCK)
        ]
        for wave in range(BLOCK)
    ]
