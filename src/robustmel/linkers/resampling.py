"""Pillow's image resize as two small matrices, so that it can be differentiated."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

Matrix = NDArray[np.float32]

ROWS = 1024
"""Pixels of an axis that are put through Pillow's resize at a time."""


@lru_cache(maxsize=512)
def resize_weights(before: int, after: int, resample: int, first: int = 0, count: int | None = None) -> Matrix:
    """The matrix that resizes one axis, as Pillow itself resizes single bright pixels: float32 (count, before).

    Rows `first` to `first + count` of the resized axis are given; rows that lie outside it are zero (a crop larger than the
    image pads with black).

    Args:
        before: Length of the axis.
        after: Length it is resized to.
        resample: A Pillow filter number.
        first: First row wanted; may be negative.
        count: How many rows; all of them when None.
    """
    rows = np.arange(first, first + (after if count is None else count))
    inside = (rows >= 0) & (rows < after)
    weights = np.zeros((len(rows), before), np.float32)
    for start in range(0, before, ROWS):
        pixels = np.eye(min(ROWS, before - start), before, start, dtype=np.float32)
        resized = Image.fromarray(pixels).resize((after, len(pixels)), Image.Resampling(resample))
        weights[inside, start : start + len(pixels)] = np.asarray(resized).T[rows[inside]]
    return weights


@dataclass(frozen=True)
class Resize:
    """Pillow's resize of one image size to another, and a crop from the centre of the result.

    Args:
        before: (height, width) of the image.
        after: (height, width) it is resized to.
        resample: A Pillow filter number.
        crop: (height, width) cut from the centre; where it is larger than `after`, black is added.
    """

    before: tuple[int, int]
    after: tuple[int, int]
    resample: int
    crop: tuple[int, int]

    @property
    def corner(self) -> tuple[int, int]:
        """(top, left) of the crop in the resized image; negative where black is added."""
        return _corner(self.after[0], self.crop[0]), _corner(self.after[1], self.crop[1])

    @property
    def changes_nothing(self) -> bool:
        """Whether an image of this size is left as it is."""
        return self.before == self.after == self.crop

    def picture(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """An 8-bit picture (H, W, 3), resized by Pillow itself and cropped: uint8 (h, w, 3)."""
        (height, width), (top, left) = self.crop, self.corner
        image = Image.fromarray(picture)
        if self.before != self.after:
            image = image.resize(self.after[::-1], resample=Image.Resampling(self.resample))
        return np.array(image.crop((left, top, left + width, top + height)))  # black where the image ends

    def smooth(self, pixels: Tensor) -> Tensor:
        """Pixels (B, 3, H, W) in [0, 1] without rounding: (B, 3, h, w), clipped to [0, 1] after either pass as Pillow does."""
        if self.changes_nothing:
            return pixels
        rows, columns = _weights(self, pixels.dtype, pixels.device)
        if vertical_first(self.before, self.after, self.resample):
            return ((rows @ pixels).clamp(0, 1) @ columns.T).clamp(0, 1)
        return (rows @ (pixels @ columns.T).clamp(0, 1)).clamp(0, 1)


@lru_cache(maxsize=64)
def _weights(resize: Resize, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """The matrices of both axes, ready where the pixels are."""
    rows, columns = (
        torch.from_numpy(resize_weights(before, after, resize.resample, first, count)).to(device, dtype)
        for before, after, first, count in zip(resize.before, resize.after, resize.corner, resize.crop, strict=True)
    )
    return rows, columns


def _corner(length: int, crop: int) -> int:
    """Where the library's centre crop begins: half the rest, rounded down; half the padding, rounded up."""
    return (length - crop) // 2 if length >= crop else -math.ceil((crop - length) / 2)


@lru_cache(maxsize=4096)
def vertical_first(before: tuple[int, int], after: tuple[int, int], resample: int) -> bool:
    """Whether this Pillow resizes columns before rows, which shows where the first pass is clipped; found by trying.

    Releases differ, and newer ones choose by the size.
    """
    if before[0] == after[0] or before[1] == after[1] or max(*before, *after) > 1024:
        return False
    picture = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (*before, 1)).repeat(3, 2)
    truth = np.asarray(Image.fromarray(picture).resize(after[::-1], resample=Image.Resampling(resample)))[..., 0]
    rows, columns = (resize_weights(a, b, resample) for a, b in zip(before, after, strict=True))
    values = picture[..., 0].astype(float)
    horizontal = rows @ np.clip(values @ columns.T, 0, 255)
    vertical = np.clip(rows @ values, 0, 255) @ columns.T
    errors = [np.abs(np.clip(resized, 0, 255) - truth).mean() for resized in (horizontal, vertical)]
    return bool(errors[1] < errors[0])
