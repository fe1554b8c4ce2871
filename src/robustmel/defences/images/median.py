"""A median filter as a defence."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor
from torch.nn import functional

from robustmel.defences.images.transform import ImageDefence
from robustmel.errors import UsageError
from robustmel.images import Pixels
from robustmel.kb import KnowledgeBase


class Median(ImageDefence):
    """Replaces each value by the median of its neighbourhood in its channel before the linker looks (Xu et al., 2018).

    The gradient is that of the mean of the neighbourhood: that of the median goes to one value alone, and attacks come less far by it.

    Args:
        kb: Not used.
        size: Side of the square neighbourhood in pixels, odd; pixels at the border are repeated beyond it.

    Raises:
        UsageError: A value is out of its range.

    Source:
        Xu, Evans & Qi, "Feature Squeezing: Detecting Adversarial Examples in Deep Neural Networks", NDSS 2018, section III-B, without the
        detector.
    """

    def __init__(self, kb: KnowledgeBase, /, size: int = 3) -> None:
        if size < 1 or size % 2 == 0:
            raise UsageError(f"defence median: size = {size}; expected an odd number, such as 3.")
        self._size = size

    def picture(self, picture: Pixels, seed: int) -> Pixels:
        """See `ImageTransform`."""
        beyond = self._size // 2
        padded = np.pad(picture, ((beyond, beyond), (beyond, beyond), (0, 0)), mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, (self._size, self._size), axis=(0, 1))
        middle = self._size**2 // 2
        return np.partition(windows.reshape(*picture.shape, -1), middle, axis=-1)[..., middle]

    def smooth(self, pixels: Tensor, seeds: Sequence[int]) -> Tensor:
        """See `ImageTransform`."""
        padded = functional.pad(pixels, (self._size // 2,) * 4, mode="replicate")
        return functional.avg_pool2d(padded, self._size, stride=1)
