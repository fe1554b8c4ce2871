"""From raw pixels to a model's input: exactly what the library's own processor makes of them, with a gradient."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from robustmel.linkers.resampling import Resize, shortest_edge_size, understands

log = logging.getLogger(__name__)

Picture = NDArray[np.uint8]
"""uint8 (H, W, 3), RGB."""

PROBE_SIZES = ((7, 11), (50, 31), (33, 300))
"""Sizes on which our reading of a processor is compared with the processor itself."""


@dataclass(frozen=True)
class Settings:
    """What a processor does to an RGB image, in this order.

    Args:
        edge: Length the shorter side is resized to; None where `exact` says the size, or nothing is resized.
        exact: (height, width) the image is resized to, whatever its shape.
        resample: Pillow's filter number.
        crop: (height, width) cut from the centre, padded with black where the image is smaller.
        scale: What 8-bit values are multiplied with.
        mean: Subtracted, per channel.
        std: Divided by, per channel.
    """

    edge: int | None
    exact: tuple[int, int] | None
    resample: int
    crop: tuple[int, int] | None
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def read(cls, processor: Any) -> Settings | None:
        """The settings of a library processor; None where it resizes in a way not known here."""

        def option(name: str, default: Any = None) -> Any:
            return getattr(processor, name, default)

        size = {key: value for key, value in dict(option("size") or {}).items() if value}
        resizes = bool(option("do_resize", False))
        if resizes and (
            set(size) not in ({"shortest_edge"}, {"height", "width"}) or not understands(int(option("resample", 2)))
        ):
            return None
        crops = bool(option("do_center_crop", False))
        crop = dict(option("crop_size") or {})
        normalises = bool(option("do_normalize", False))
        return cls(
            edge=size.get("shortest_edge") if resizes else None,
            exact=(size["height"], size["width"]) if resizes and "height" in size else None,
            resample=int(option("resample", 2)),
            crop=(crop["height"], crop["width"]) if crops else None,
            scale=float(option("rescale_factor", 1.0)) if option("do_rescale", False) else 1.0,
            mean=tuple(option("image_mean")) if normalises else (0.0, 0.0, 0.0),
            std=tuple(option("image_std")) if normalises else (1.0, 1.0, 1.0),
        )

    def resize(self, height: int, width: int) -> Resize:
        """How an image of this size is resized and cropped."""
        after = self.exact or (height, width)
        if self.edge is not None:
            after = shortest_edge_size(height, width, self.edge)
        return Resize((height, width), after, self.resample, self.crop or after)


class Preprocessing:
    """A processor of the library, batched and differentiable.

    The forward value is the library's, to the last bit where its options are understood (which is tried out on a few images
    when this is built); else the processor itself is called for it. The gradient is that of the same steps without rounding
    to 8 bits (straight-through), down to the raw image at its own size.

    Args:
        processor: An image processor of the transformers library, Pillow backend.
    """

    def __init__(self, processor: Any) -> None:
        self.processor = processor
        self.settings = Settings.read(processor)
        self.understood = self.settings is not None and self._agrees()
        if not self.understood:
            log.warning("%s has options of its own; it is called image by image, which is slower", type(processor).__name__)

    def pictures(self, pictures: Sequence[Picture]) -> Tensor:
        """The model's input for 8-bit pictures of any sizes: float32 (B, 3, h, w)."""
        if not self.understood or self.settings is None:
            return self._by_processor(pictures)
        return self._normalise_bytes(
            torch.stack([torch.from_numpy(self._resized(one)) for one in pictures]).permute(0, 3, 1, 2)
        )

    def exact(self, pixels: Tensor) -> Tensor:
        """The model's input for pixels in [0, 1], rounded to 8 bits first: float32 (B, 3, h, w), no gradient.

        Args:
            pixels: Floats (B, 3, H, W) in [0, 1].
        """
        rounded = pixels.detach().mul(255).round_().clamp_(0, 255).to(torch.uint8)
        if self.understood and self.settings is not None:
            resize = self.settings.resize(*rounded.shape[2:])
            if resize.before == resize.after == resize.crop:
                return self._normalise_bytes(rounded)
        return self.pictures(list(rounded.permute(0, 2, 3, 1).contiguous().cpu().numpy())).to(pixels.device)

    def smooth(self, pixels: Tensor) -> Tensor:
        """The same steps without rounding: differentiable, (B, 3, h, w) in the pixels' own dtype.

        Args:
            pixels: Floats (B, 3, H, W) in [0, 1].
        """
        settings = self.settings or _plain_resize(self.processor)
        resized = settings.resize(*pixels.shape[2:]).smooth(pixels)
        mean, std = (
            torch.tensor(one, dtype=pixels.dtype, device=pixels.device)[:, None, None] for one in (settings.mean, settings.std)
        )
        return (resized * (255 * settings.scale) - mean) / std

    def __call__(self, pixels: Tensor) -> Tensor:
        """The value of `exact` with the gradient of `smooth`."""
        value = self.exact(pixels)
        if not (torch.is_grad_enabled() and pixels.requires_grad):
            return value
        straight: Tensor = _StraightThrough.apply(value.to(pixels.dtype), self.smooth(pixels))  # type: ignore[no-untyped-call]
        return straight

    def _resized(self, picture: Picture) -> Picture:
        assert self.settings is not None
        return self.settings.resize(*picture.shape[:2]).picture(picture)

    def _normalise_bytes(self, values: Tensor) -> Tensor:
        """8-bit values (B, 3, h, w) to float32, with the library's own roundings: scaled in float64, normalised in float32."""
        assert self.settings is not None
        scaled = (torch.arange(256, dtype=torch.float64) * self.settings.scale).float()
        mean, std = (torch.tensor(one, dtype=torch.float32)[:, None] for one in (self.settings.mean, self.settings.std))
        table = ((scaled - mean) / std).to(values.device)
        channels = [table[channel][values[:, channel].int()] for channel in range(3)]
        return torch.stack(channels, dim=1)

    def _by_processor(self, pictures: Sequence[Picture]) -> Tensor:
        images = [Image.fromarray(picture) for picture in pictures]
        values: Tensor = self.processor(images=images, return_tensors="pt")["pixel_values"]
        return values.float()

    def _agrees(self) -> bool:
        """Whether our reading of the processor gives what the processor gives."""
        assert self.settings is not None
        random = np.random.default_rng(0)
        probes = [random.integers(0, 256, (*size, 3), dtype=np.uint8) for size in PROBE_SIZES]
        try:
            self.understood = True
            return all(torch.equal(self.pictures([probe]), self._by_processor([probe])) for probe in probes)
        except (ValueError, RuntimeError, KeyError):
            return False


def _plain_resize(processor: Any) -> Settings:
    """For the gradient alone, where a processor's settings are not understood: a bicubic resize to the size it gives."""
    given = processor(images=Image.new("RGB", (64, 64)), return_tensors="pt")["pixel_values"]
    mean, std = (
        tuple(getattr(processor, name, None) or (default,) * 3) for name, default in (("image_mean", 0.0), ("image_std", 1.0))
    )
    return Settings(None, tuple(given.shape[-2:]), Image.Resampling.BICUBIC, None, 1 / 255, mean, std)


class _StraightThrough(torch.autograd.Function):
    """One value forwards, another's gradient backwards."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, smooth: Tensor) -> Tensor:
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:  # type: ignore[override]
        return None, gradient
