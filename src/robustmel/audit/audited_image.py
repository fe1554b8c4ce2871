"""One image of an audited set: an image file, or a plain tensor."""

import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustmel.errors import ImageError
from robustmel.images import MAX_BYTES, decode

Levels = NDArray[np.float64]
"""(H, W, 3), RGB, in 255ths of the pixel range: whole numbers from 0 to 255 for an image of 8 bits."""

TENSORS = (".pt", ".pth")
IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
OFF_GRID = 1e-2
"""Levels by which floats of 32 bits may miss an 8-bit level and still mean it."""


class AuditedImage(NamedTuple):
    """An image as it lies there.

    Args:
        path: Its file.
        levels: Its pixels.
        kind: "JPEG", "tensor", or "image".
    """

    path: Path
    levels: Levels
    kind: str

    @property
    def eight_bit(self) -> bool:
        """Whether all its values are 8-bit levels."""
        return bool(np.abs(self.levels - np.rint(self.levels)).max(initial=0) < OFF_GRID)

    @property
    def outside(self) -> bool:
        """Whether a value lies outside the pixel range."""
        return bool(self.levels.min(initial=0) < -OFF_GRID or self.levels.max(initial=0) > 255 + OFF_GRID)


def places(path: Path) -> list[int | None]:
    """Where the images of a file lie: [None] for one image, the places in a tensor that holds several.

    Raises:
        ImageError: It is a tensor file that cannot be used; an image file is not opened.
    """
    if path.suffix.lower() not in TENSORS:
        return [None]
    count = len(_tensor(path))
    return [None] if count == 1 else list(range(count))


def read_image(path: Path, place: int | None) -> AuditedImage:
    """One image of a file.

    A tensor file holds one dense tensor, (3, H, W) or (B, 3, H, W), of floats in [0, 1] or of uint8. It is read with
    `weights_only`, which builds tensors and runs no code; whatever else it holds is refused.

    Raises:
        ImageError: It is no image, no such tensor, or too large.
    """
    if path.suffix.lower() in TENSORS:
        return AuditedImage(path, _tensor(path)[place or 0], "tensor")
    pixels = decode(path)
    with path.open("rb") as file:
        kind = "JPEG" if file.read(2) == b"\xff\xd8" else "image"
    return AuditedImage(path, pixels.astype(np.float64), kind)


def _tensor(path: Path) -> Levels:
    """(B, H, W, 3) levels."""
    if not path.is_file():
        raise ImageError("image_missing", f"no tensor {path}.")
    return _read_tensor(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read_tensor(path: Path, written_at: int) -> Levels:
    """Kept, since a batch is asked for image by image."""
    import torch

    if path.stat().st_size > MAX_BYTES:
        raise ImageError("image_refused", f"tensor {path} has over {MAX_BYTES // 2**20} MB; split it first.")
    try:
        with warnings.catch_warnings(action="ignore"):
            held: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # the library raises whatever a broken or forbidden file makes it stumble upon
        raise ImageError(
            "image_refused", f"{path} holds more than a tensor, or is broken; save the images alone: torch.save(pixels, ...)."
        ) from problem
    if type(held) is not torch.Tensor or held.layout is not torch.strided or held.is_quantized:
        raise ImageError("image_refused", f"{path} holds a {type(held).__name__}, not one dense tensor of images.")
    if held.numel() * 8 > 4 * MAX_BYTES:
        raise ImageError("image_refused", f"tensor {path} is {tuple(held.shape)}, too large to look at; split it first.")
    batch = held[None] if held.ndim == 3 else held
    known = held.dtype is torch.uint8 or held.is_floating_point()
    if batch.ndim != 4 or batch.shape[1] != 3 or 0 in batch.shape or not known:
        shape = f"{str(held.dtype).removeprefix('torch.')} {tuple(held.shape)}"
        raise ImageError("image_refused", f"tensor {path} is {shape}; expected floats or uint8, (3, H, W) or (B, 3, H, W).")
    values = batch.double() * (1 if held.dtype is torch.uint8 else 255)
    if not values.isfinite().all():
        raise ImageError("image_decode", f"tensor {path} holds values that are not numbers.")
    levels: Levels = np.ascontiguousarray(values.permute(0, 2, 3, 1).numpy())
    return levels
