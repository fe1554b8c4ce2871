"""Vanishing gradients: scores through which the gradient of a loss is lost, while every answer stays what it was."""

import torch
from torch import Tensor

from robustmel.kb import KnowledgeBase
from robustmel.selftest.fakes.masked import FakeDefence, LinkerScores


class SaturatedLoss(FakeDefence):
    """Multiplies scores until the softmax is 1 in float32, so that cross-entropy has the gradient zero.

    Args:
        factor: A power of two, which rounds nothing.

    Source:
        Carlini & Wagner, "Defensive Distillation is Not Robust to Adversarial Examples", 2016.
    """

    def __init__(self, kb: KnowledgeBase, /, factor: float = 2.0**20) -> None:
        self.factor = factor

    def masked_scores(self, scores_of: LinkerScores, pixels: Tensor) -> Tensor:
        """The scores, much enlarged."""
        return scores_of(pixels) * self.factor


class DetachedGradient(FakeDefence):
    """Hands out scores that were cut off from the pixels, as a linker under `no_grad` does."""

    def masked_scores(self, scores_of: LinkerScores, pixels: Tensor) -> Tensor:
        """The scores alone."""
        return scores_of(pixels.detach())


class HalfPrecision(FakeDefence):
    """Takes its pixels in half precision, which holds 8-bit values exactly but no gradient below 6e-8; and its scores are tiny.

    Args:
        factor: What scores are multiplied with, a power of two, which rounds nothing.
    """

    def __init__(self, kb: KnowledgeBase, /, factor: float = 2.0**-20) -> None:
        self.factor = factor

    def masked_scores(self, scores_of: LinkerScores, pixels: Tensor) -> Tensor:
        """The scores, much reduced, of pixels that were half precision on their way."""
        return scores_of((pixels * 255).half().float() / 255) * self.factor


class ConfidenceGate(FakeDefence):
    """Lets the gradient through only where the answer is clear; where an attack comes near its goal, it stops.

    Args:
        threshold: The lead of the first over the second candidate below which an answer is not clear.

    Source:
        The shape of abstaining defences: Athalye, Carlini & Wagner, 2018, section 3, "shattered gradients".
    """

    def __init__(self, kb: KnowledgeBase, /, threshold: float = 3.0) -> None:
        self.threshold = threshold

    def masked_scores(self, scores_of: LinkerScores, pixels: Tensor) -> Tensor:
        """The scores, without a gradient where the first two are close."""
        scores = scores_of(pixels)
        if scores.shape[1] < 2:
            return scores
        first, second = scores.detach().topk(2, dim=1).values.T
        return torch.where((first - second < self.threshold)[:, None], scores.detach(), scores)
