"""Random sizes and places as a defence."""

from collections.abc import Sequence
from random import Random
from typing import ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from robustmel.defences.images.transform import ImageDefence
from robustmel.errors import UsageError
from robustmel.images import Pixels
from robustmel.kb import KnowledgeBase

GREY = 128


class RandomResize(ImageDefence):
    """Shrinks each image to a random size and puts it at a random place on grey ground of the old size (Xie et al., 2018).

    It draws from the seed of the query. An attacker does not know the draws that will be judged: let an attack ask about many of them
    at each step (`eot`).

    Args:
        kb: Not used.
        smallest: Share of the old sides, above 0, that is left at least.

    Raises:
        UsageError: A value is out of its range.

    Source:
        Xie et al., "Mitigating Adversarial Effects Through Randomization", ICLR 2018, section 3. Broken by expectation over
        transformation in Athalye et al., 2018, section 5.6.
    """

    random: ClassVar[bool] = True

    def __init__(self, kb: KnowledgeBase, /, smallest: float = 0.8) -> None:
        if not 0 < smallest <= 1:
            raise UsageError(f"defence random-resize: smallest = {smallest}; expected above 0, at most 1.")
        self._smallest = smallest

    def picture(self, picture: Pixels, seed: int) -> Pixels:
        """See `ImageTransform`."""
        top, left, high, wide = self._place(picture.shape[0], picture.shape[1], seed)
        ground = np.full_like(picture, GREY)
        small = Image.fromarray(picture).resize((wide, high), Image.Resampling.BILINEAR)
        ground[top : top + high, left : left + wide] = np.asarray(small)
        return ground

    def smooth(self, pixels: Tensor, seeds: Sequence[int]) -> Tensor:
        """See `ImageTransform`."""
        return torch.cat([self._one(pixels[row : row + 1], seed) for row, seed in enumerate(seeds)])

    def _one(self, pixels: Tensor, seed: int) -> Tensor:
        height, width = pixels.shape[2:]
        top, left, high, wide = self._place(height, width, seed)
        small = functional.interpolate(pixels, (high, wide), mode="bilinear", antialias=True)
        return functional.pad(small, (left, width - wide - left, top, height - high - top), value=GREY / 255)

    def _place(self, height: int, width: int, seed: int) -> tuple[int, int, int, int]:
        """Top, left, height and width of what is left."""
        lot = Random(seed)
        share = lot.uniform(self._smallest, 1.0)
        high, wide = max(1, round(share * height)), max(1, round(share * width))
        return lot.randint(0, height - high), lot.randint(0, width - wide), high, wide
