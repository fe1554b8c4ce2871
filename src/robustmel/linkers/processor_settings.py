"""What an image processor of the transformers library does, read from its options."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from robustmel.errors import ImageError
from robustmel.images import MAX_PIXELS
from robustmel.linkers.resampling import Resize

SPELLINGS = ({"shortest_edge"}, {"shortest_edge", "longest_edge"}, {"max_height", "max_width"}, {"height", "width"})
"""The ways of stating a size that the library's Pillow processors act on."""


@dataclass(frozen=True)
class Settings:
    """What a processor does to an RGB image, in this order.

    Args:
        size: What the image is resized to, in one of the library's spellings (`SPELLINGS`); empty where nothing is resized.
        resample: Pillow's filter number.
        crop: (height, width) cut from the centre, padded with black where the image is smaller.
        scale: What 8-bit values are multiplied with.
        offset: Subtracted after that (EfficientNet's, which ALIGN uses, brings values to [-1, 1] so).
        mean: Subtracted, per channel.
        std: Divided by, per channel.
        again: Divided by once more, per channel, where anything is (EfficientNet's divides twice for classifiers).
        pad: (height, width) that zeros at the bottom and on the right fill the result up to.
    """

    size: Mapping[str, int]
    resample: int
    crop: tuple[int, int] | None
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    offset: float = 0.0
    again: tuple[float, ...] | None = None
    pad: tuple[int, int] | None = None

    @classmethod
    def read(cls, processor: Any) -> Settings | None:
        """The settings of a library processor; None where it does what is not known here."""

        def option(name: str, default: Any = None) -> Any:
            value = getattr(processor, name, None)
            return default if value is None else value

        def area(name: str) -> tuple[int, int]:
            stated = dict(option(name))
            return stated["height"], stated["width"]

        def channels(name: str) -> tuple[float, ...]:
            value = option(name)
            return tuple(map(float, value)) if isinstance(value, Sequence) else (float(value),) * 3

        resample = option("resample", Image.Resampling.BILINEAR)
        if not isinstance(resample, int):  # a filter's name, which the library takes for bilinear
            resample = Image.Resampling.BILINEAR
        size = dict(option("size", {})) if option("do_resize", False) else {}
        if (size and set(size) not in SPELLINGS) or resample not in set(Image.Resampling):
            return None
        normalises, rescales = option("do_normalize", False), option("do_rescale", False)
        try:
            return cls(
                size=size,
                resample=int(resample),
                crop=area("crop_size") if option("do_center_crop", False) else None,
                scale=float(option("rescale_factor", 1.0)) if rescales else 1.0,
                mean=channels("image_mean") if normalises else (0.0,) * 3,
                std=channels("image_std") if normalises else (1.0,) * 3,
                offset=1.0 if rescales and option("rescale_offset", False) else 0.0,
                again=channels("image_std") if option("include_top", False) else None,
                pad=area("pad_size") if option("do_pad", False) and option("pad_size") else None,
            )
        except (KeyError, TypeError, ValueError):  # stated in a way that the processor refuses, too
            return None

    def _size_after(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) after the resize, rounded as the library does."""
        size = self.size
        if "shortest_edge" in size:
            edge, (short, long) = size["shortest_edge"], sorted((height, width))
            exact = min(edge, size.get("longest_edge", math.inf) * short / long)
            if short == round(exact):
                return height, width
            after = round(exact), int(exact * long / short)
            return after if height <= width else after[::-1]
        if "max_height" in size:
            factor = min(size["max_height"] / height, size["max_width"] / width)
            return int(height * factor), int(width * factor)
        return (size["height"], size["width"]) if size else (height, width)

    def resize(self, height: int, width: int) -> Resize:
        """How an image of this size is resized and cropped.

        Raises:
            ImageError: It is so elongated that one of its sides would be enormous, or nothing.
        """
        after = self._size_after(height, width)
        resize = Resize((height, width), after, self.resample, self.crop or after)
        too_large = self.pad and any(side > most for side, most in zip(resize.crop, self.pad, strict=True))
        if too_large or min(after) < 1 or after[0] * after[1] > MAX_PIXELS:
            what = f"an image of {width}x{height} would be resized to {after[1]}x{after[0]}"
            raise ImageError("image_refused", f"{what}, which the model's preprocessing cannot take; crop it first.")
        return resize
