"""Fewer bits a channel as a defence."""

import numpy as np

from robustmel.defences.images.transform import ImageDefence
from robustmel.errors import UsageError
from robustmel.images import Pixels
from robustmel.kb import KnowledgeBase


class BitDepth(ImageDefence):
    """Rounds each channel to 2^bits levels from black to white before the linker looks (Xu et al., 2018).

    Args:
        kb: Not used.
        bits: From 1 to 8; 8 changes nothing.

    Raises:
        UsageError: A value is out of its range.

    Source:
        Xu, Evans & Qi, "Feature Squeezing: Detecting Adversarial Examples in Deep Neural Networks", NDSS 2018, section III-A, without the
        detector.
    """

    def __init__(self, kb: KnowledgeBase, /, bits: int = 3) -> None:
        if not 1 <= bits <= 8:
            raise UsageError(f"defence bit-depth: bits = {bits}; expected 1 to 8.")
        steps = 2**bits - 1
        self._levels = np.rint(np.rint(np.arange(256) / 255 * steps) / steps * 255).astype(np.uint8)

    def picture(self, picture: Pixels, seed: int) -> Pixels:
        """See `ImageTransform`."""
        squeezed: Pixels = self._levels[picture]
        return squeezed
