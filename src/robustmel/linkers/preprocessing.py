"""From raw pixels to a model's input: exactly what the library's own processor makes of them, with a gradient."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from robustmel.errors import ImageError
from robustmel.images import MAX_PIXELS
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
        offset: Subtracted after that (EfficientNet's, which ALIGN uses, brings values to [-1, 1] so).
        mean: Subtracted, per channel.
        std: Divided by, per channel.
        again: Divided by last, per channel, where anything is (EfficientNet's divides twice for classifiers).
    """

    edge: int | None
    exact: tuple[int, int] | None
    resample: int
    crop: tuple[int, int] | None
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    offset: float = 0.0
    again: tuple[float, ...] | None = None

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
        normalises, rescales = bool(option("do_normalize", False)), bool(option("do_rescale", False))
        return cls(
            edge=size.get("shortest_edge") if resizes else None,
            exact=(size["height"], size["width"]) if resizes and "height" in size else None,
            resample=int(option("resample", 2)),
            crop=(crop["height"], crop["width"]) if crops else None,
            scale=float(option("rescale_factor", 1.0)) if rescales else 1.0,
            mean=tuple(option("image_mean")) if normalises else (0.0, 0.0, 0.0),
            std=tuple(option("image_std")) if normalises else (1.0, 1.0, 1.0),
            offset=1.0 if rescales and option("rescale_offset", False) else 0.0,
            again=tuple(option("image_std")) if option("include_top", False) else None,
        )

    def resize(self, height: int, width: int) -> Resize:
        """How an image of this size is resized and cropped.

        Raises:
            ImageError: It is so elongated that bringing its shorter side to the model's size would make it enormous.
        """
        after = self.exact or (height, width)
        if self.edge is not None:
            after = shortest_edge_size(height, width, self.edge)
        if after[0] * after[1] > MAX_PIXELS:
            raise ImageError(
                "image_refused",
                f"an image of {width}x{height} would be enlarged to {after[1]}x{after[0]} before its centre is cut out; crop it first.",
            )
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
        read = Settings.read(processor)
        self.settings = read or _stand_in(processor)
        self._statistics_at: dict[tuple[torch.dtype, torch.device], tuple[Tensor, Tensor, Tensor]] = {}
        self.understood = read is not None and self._agrees()
        """Whether the settings say all that the processor does."""
        if not self.understood:
            log.warning("%s has options of its own; it is called image by image, which is slower", type(processor).__name__)

    def pictures(self, pictures: Sequence[Picture]) -> Tensor:
        """The model's input for 8-bit pictures of any sizes: float32 (B, 3, h, w)."""
        return self._resized_and_normalised(pictures) if self.understood else self._by_processor(pictures)

    def exact(self, pixels: Tensor) -> Tensor:
        """The model's input for pixels in [0, 1], rounded to 8 bits first: float32 (B, 3, h, w), no gradient.

        Args:
            pixels: Floats (B, 3, H, W) in [0, 1].
        """
        levels = pixels.detach().float().mul(255).round_().clamp_(0, 255)
        if self.understood and self.settings.resize(*levels.shape[2:]).changes_nothing:
            return self._normalise(levels)
        return self.pictures(list(levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy())).to(pixels.device)

    def smooth(self, pixels: Tensor) -> Tensor:
        """The same steps without rounding: differentiable, (B, 3, h, w) in the pixels' own dtype.

        Args:
            pixels: Floats (B, 3, H, W) in [0, 1].
        """
        return self.normalised(self.settings.resize(*pixels.shape[2:]).smooth(pixels))

    def normalised(self, resized: Tensor) -> Tensor:
        """What follows the resize, without rounding: differentiable, (B, 3, h, w) in the pixels' own dtype.

        Args:
            resized: Floats (B, 3, h, w) in [0, 1], of the size the model takes.
        """
        mean, std, again = self._statistics(resized)
        scaled = resized * (255 * self.settings.scale)
        if self.settings.offset:
            scaled = scaled - self.settings.offset
        normalised = (scaled - mean) / std
        return normalised / again if self.settings.again else normalised

    def __call__(self, pixels: Tensor) -> Tensor:
        """The value of `exact` with the gradient of `smooth`."""
        value = self.exact(pixels)
        if not (torch.is_grad_enabled() and pixels.requires_grad):
            return value
        straight: Tensor = _StraightThrough.apply(value.to(pixels.dtype), self.smooth(pixels))  # type: ignore[no-untyped-call]
        return straight

    def _resized_and_normalised(self, pictures: Sequence[Picture]) -> Tensor:
        resized = torch.stack(
            [torch.from_numpy(self.settings.resize(*picture.shape[:2]).picture(picture)) for picture in pictures]
        )
        return self._normalise(resized.permute(0, 3, 1, 2).float().contiguous())

    def _normalise(self, levels: Tensor) -> Tensor:
        """Whole numbers from 0 to 255 as float32 (B, 3, h, w), normalised in place and with the library's own roundings.

        It scales in float64, rounds to float32 and goes on in that; dividing by 255 in float32 gives the same and is faster.
        """
        scale = self.settings.scale
        scaled = levels.div_(round(1 / scale)) if _division_will_do(scale) else (levels.double() * scale).float()
        mean, std, again = self._statistics(scaled)
        if self.settings.offset:
            scaled = scaled.sub_(self.settings.offset)
        normalised = scaled.sub_(mean).div_(std)
        return normalised.div_(again) if self.settings.again else normalised

    def _statistics(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mean, standard deviation and last divisor, (3, 1, 1), where and as the given tensor is."""
        known, settings = (like.dtype, like.device), self.settings
        if known not in self._statistics_at:
            mean, std, again = (
                like.new_tensor(values)[:, None, None] for values in (settings.mean, settings.std, settings.again or ())
            )
            self._statistics_at[known] = (mean, std, again)
        return self._statistics_at[known]

    def _by_processor(self, pictures: Sequence[Picture]) -> Tensor:
        images = [Image.fromarray(picture) for picture in pictures]
        values: Tensor = self.processor(images=images, return_tensors="pt")["pixel_values"]
        return values.float()

    def _agrees(self) -> bool:
        """Whether our reading of the processor gives what the processor gives."""
        random = np.random.default_rng(0)
        probes = [random.integers(0, 256, (*size, 3), dtype=np.uint8) for size in PROBE_SIZES]
        try:
            return all(torch.equal(self._resized_and_normalised([probe]), self._by_processor([probe])) for probe in probes)
        except (ValueError, RuntimeError, KeyError):
            return False


def _stand_in(processor: Any) -> Settings:
    """For the gradient alone, where a processor resizes in a way not known here: bicubic, to the size it gives."""
    given = processor(images=Image.new("RGB", (64, 64)), return_tensors="pt")["pixel_values"]
    mean = tuple(getattr(processor, "image_mean", None) or (0.0,) * 3)
    std = tuple(getattr(processor, "image_std", None) or (1.0,) * 3)
    return Settings(None, tuple(given.shape[-2:]), Image.Resampling.BICUBIC, None, 1 / 255, mean, std)


@cache
def _division_will_do(scale: float) -> bool:
    """Whether dividing by the inverse of the scale in float32 gives every level the value the library gives it."""
    levels = torch.arange(256, dtype=torch.float64)
    return torch.equal((levels * scale).float(), levels.float() / round(1 / scale))


class _StraightThrough(torch.autograd.Function):
    """One value forwards, another's gradient backwards."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, smooth: Tensor) -> Tensor:
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        return None, gradient
