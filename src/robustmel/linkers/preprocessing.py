"""From raw pixels to a model's input: exactly what the library's own processor makes of them, with a gradient."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import pad

from robustmel.errors import ImageError, UsageError
from robustmel.linkers.processor_settings import Settings

log = logging.getLogger(__name__)

Picture = NDArray[np.uint8]
"""uint8 (H, W, 3), RGB."""

PROBE_SIZES = ((7, 11), (33, 300), (50, 31))
"""Sizes on which our reading of a processor is compared with the processor itself."""

STEP = 32
"""Levels of 255 by which the pixels of a picture are moved for finite differences: far more than what is rounded away."""

TOLERANCE = 0.1
"""Share of the actual change by which what the gradient foretells may miss it."""


class Preprocessing:
    """A processor of the library, batched and differentiable.

    The forward value is the library's, to the last bit. Where all that the processor does is understood, which is tried on a few
    pictures when this is built, it is computed here, with the gradient of the same steps without rounding to 8 bits
    (straight-through), down to the raw image at its own size. Else the processor itself is called, and there is no gradient.

    Attributes:
        no_gradient: Why gradients through it must not be used; "" where they may.
    """

    def __init__(self, processor: Any) -> None:
        self.processor = processor
        self._statistics_at: dict[tuple[torch.dtype, torch.device], tuple[Tensor, Tensor, Tensor]] = {}
        self._settings: Settings | None = None
        read = self.reading(processor)
        for reading in (read, replace(read, pad=None)) if read else ():  # some processors pad in spite of `do_pad`, or do not
            self._settings = reading
            if self._agrees():
                break
            self._settings = None
        name = type(processor).__name__
        self.no_gradient = ""
        if not self.understood:
            self.no_gradient = f"its image processor ({name}) has unknown options"
            log.warning("%s has unknown options; it runs image by image, which is slower", name)
        elif not self._gradient_agrees():
            self.no_gradient = f"the gradient through its image processor ({name}) contradicts finite differences"

    @staticmethod
    def reading(processor: Any) -> Settings | None:
        """What the processor's options say; see `Settings.read`."""
        return Settings.read(processor)

    @property
    def understood(self) -> bool:
        """Whether the settings say all that the processor does."""
        return self._settings is not None

    @property
    def settings(self) -> Settings:
        """What the processor does.

        Raises:
            UsageError: It is not understood.
        """
        if self._settings is None:
            raise UsageError(f"{self.no_gradient}; save the model with a processor of plain options.")
        return self._settings

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
        return self._after_scaling(resized * (255 * self.settings.scale))

    def __call__(self, pixels: Tensor) -> Tensor:
        """The value of `exact` with the gradient of `smooth`."""
        value = self.exact(pixels)
        if not (torch.is_grad_enabled() and pixels.requires_grad):
            return value
        smooth = self.smooth(pixels)
        return value.to(pixels.dtype) + (smooth - smooth.detach())  # which adds nothing but the gradient

    def _resized_and_normalised(self, pictures: Sequence[Picture]) -> Tensor:
        resized = [torch.from_numpy(self.settings.resize(*picture.shape[:2]).picture(picture)) for picture in pictures]
        batches = [picture[None] for picture in resized] if self.settings.pad else [torch.stack(resized)]
        return torch.cat([self._normalise(batch.permute(0, 3, 1, 2).float().contiguous()) for batch in batches])

    def _normalise(self, levels: Tensor) -> Tensor:
        """Whole numbers from 0 to 255 as float32 (B, 3, h, w), overwritten, with the library's own roundings.

        It scales in float64, rounds to float32 and goes on in that; dividing by 255 in float32 gives the same and is faster.
        """
        scale = self.settings.scale
        return self._after_scaling(
            levels.div_(round(1 / scale)) if _division_will_do(scale) else (levels.double() * scale).float()
        )

    def _after_scaling(self, scaled: Tensor) -> Tensor:
        mean, std, again = self._statistics(scaled)
        if self.settings.offset:
            scaled = scaled - self.settings.offset
        normalised = (scaled - mean) / std
        if self.settings.again:
            normalised = normalised / again
        if self.settings.pad:
            (height, width), (most_high, most_wide) = normalised.shape[2:], self.settings.pad
            normalised = pad(normalised, (0, most_wide - width, 0, most_high - height))
        return normalised

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
        """Whether our reading of the processor gives what the processor gives, and refuses what it refuses."""
        random = np.random.default_rng(0)
        probes = [random.integers(0, 256, (*size, 3), dtype=np.uint8) for size in PROBE_SIZES]
        agreed = 0
        for probe in probes:
            ours, theirs = _or_none(self._resized_and_normalised, probe), _or_none(self._by_processor, probe)
            if ours is not None and theirs is not None and torch.equal(ours, theirs):
                agreed += 1
            elif ours is not theirs:
                return False
        return agreed > 0

    @torch.inference_mode(False)
    @torch.enable_grad()
    def _gradient_agrees(self) -> bool:
        """Whether the gradient foretells what the processor itself makes of moved pixels, on one small odd-sized picture."""
        random = np.random.default_rng(1)
        taken = (size for size in PROBE_SIZES[::-1] if _or_none(self._by_processor, np.zeros((*size, 3), np.uint8)) is not None)
        picture = random.integers(96, 160, (*next(taken), 3), dtype=np.uint8)
        step = random.choice([-STEP, STEP], picture.shape)
        rise = self._by_processor([(picture + step).astype(np.uint8)]) - self._by_processor([picture])
        pixels = torch.from_numpy(picture).permute(2, 0, 1)[None].double().div(255).requires_grad_(True)
        (gradient,) = torch.autograd.grad((self(pixels) * rise).sum(), pixels)
        foretold = float((gradient * torch.from_numpy(step).permute(2, 0, 1) / 255).sum())
        actual = float(rise.square().sum())
        return abs(foretold - actual) <= TOLERANCE * actual != 0


def _or_none(preprocess: Callable[[Sequence[Picture]], Tensor], picture: Picture) -> Tensor | None:
    try:
        return preprocess([picture])
    except (ImageError, ValueError, RuntimeError, KeyError, TypeError):
        return None


@cache
def _division_will_do(scale: float) -> bool:
    """Whether dividing by the inverse of the scale in float32 gives every level the value the library gives it."""
    levels = torch.arange(256, dtype=torch.float64)
    return scale > 0 and torch.equal((levels * scale).float(), levels.float() / round(1 / scale))
