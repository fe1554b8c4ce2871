"""Shattered gradients: steps that hand on 8-bit pictures, through which no gradient passes."""

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from robustmel.kb import KnowledgeBase
from robustmel.selftest.fakes.masked import FakeDefence, LinkerScores


class EightBitStep(FakeDefence):
    """Rounds pixels to whole 255ths, as any image file does; the gradient of a step function is zero.

    Source:
        Athalye, Carlini & Wagner, "Obfuscated Gradients Give a False Sense of Security", ICML 2018, section 4.
    """

    def masked_scores(self, scores_of: LinkerScores, pixels: Tensor) -> Tensor:
        """The scores of the rounded picture."""
        return scores_of((pixels * 255).round() / 255)


class JPEGStep(FakeDefence):
    """Saves every picture as JPEG and reads it again, outside of torch.

    Args:
        quality: Of the JPEG, from 1 to 95.

    Source:
        Guo et al., "Countering Adversarial Images using Input Transformations", ICLR 2018.
    """

    def __init__(self, kb: KnowledgeBase, /, quality: int = 75) -> None:
        self.quality = quality

    def masked_scores(self, scores_of: LinkerScores, pixels: Tensor) -> Tensor:
        """The scores of the picture as JPEG has it."""
        levels = (pixels.detach() * 255).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        saved = np.stack([self._saved(picture) for picture in levels])
        return scores_of(torch.from_numpy(saved).permute(0, 3, 1, 2).to(pixels.device).float() / 255)

    def _saved(
        self, picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=self.quality)
        return np.asarray(Image.open(file).convert("RGB"))
