"""JPEG compression as a defence."""

import io
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from PIL import Image
from torch import Tensor

from robustmel.defences.images.soft_jpeg import soft_jpeg
from robustmel.defences.images.transform import ImageDefence
from robustmel.errors import UsageError
from robustmel.images import Pixels
from robustmel.kb import KnowledgeBase


class JPEG(ImageDefence):
    """Shows the linker each image as a JPEG file has it: small changes are lost in its coefficients (Guo et al., 2018).

    The gradient is that of compression with soft rounding.

    Args:
        kb: Not used.
        quality: Of the file, from 1 to 95; Pillow's scale.

    Raises:
        UsageError: A value is out of its range.

    Source:
        Guo et al., "Countering Adversarial Images using Input Transformations", ICLR 2018, section 4.2. Broken by BPDA in Athalye et al.,
        2018, section 5.3.
    """

    version: ClassVar[int] = 2

    def __init__(self, kb: KnowledgeBase, /, quality: int = 75) -> None:
        if not 1 <= quality <= 95:
            raise UsageError(f"defence jpeg: quality = {quality}; expected 1 to 95.")
        self._quality = quality

    def picture(self, picture: Pixels, seed: int) -> Pixels:
        """See `ImageTransform`."""
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=self._quality)
        return np.asarray(Image.open(file).convert("RGB"))

    def smooth(self, pixels: Tensor, seeds: Sequence[int]) -> Tensor:
        """See `ImageTransform`."""
        return soft_jpeg(pixels, self._quality)
