"""Clean image, perturbed image and their difference, as small PNG files."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from robustmel.errors import ImageError
from robustmel.images import Pixels, decode

SHOWN_SIDE = 288
"""Longest side of a picture as shown, in pixels; larger ones are reduced for display alone."""


@dataclass(frozen=True, slots=True)
class Triple:
    """Three pictures of one mention, reduced to `SHOWN_SIDE` where they are larger.

    Args:
        clean: uint8 (H, W, 3).
        perturbed: uint8 (H, W, 3).
        difference: uint8 (H, W, 3): grey where nothing changed, else 128 + factor * change.
        factor: By how much the change is amplified.
        linf: Largest change of a channel, in 8-bit steps.
    """

    clean: Pixels
    perturbed: Pixels
    difference: Pixels
    factor: int
    linf: int


def triple(clean: Path, perturbed: Path) -> Triple | None:
    """The three pictures; None where a file is missing or cannot be decoded."""
    try:
        after = decode(perturbed)
        before = decode(clean, max_side=max(after.shape[:2]))
    except ImageError:
        return None
    if before.shape != after.shape:
        return None
    change = after.astype(np.int16) - before
    largest = int(np.abs(change).max())
    factor = max(1, 127 // largest) if largest else 1
    difference = np.clip(128 + factor * change, 0, 255).astype(np.uint8)
    return Triple(_reduced(before), _reduced(after), _reduced(difference), factor, largest)


def save(pixels: Pixels, path: Path) -> None:
    """Writes a picture for the page."""
    Image.fromarray(pixels).save(path, format="PNG", compress_level=1)  # noise hardly compresses, whatever the level


def _reduced(pixels: Pixels) -> Pixels:
    if max(pixels.shape[:2]) <= SHOWN_SIDE:
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image)
