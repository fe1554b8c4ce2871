"""Adam for a batch of images of which some may leave."""

from __future__ import annotations

import math

import torch
from torch import Tensor

FIRST_DECAY, SECOND_DECAY, STABILISER = 0.9, 0.999, 1e-8


class Adam:
    """Moves `point` against gradients, each entry at its own pace.

    Written out because an optimiser of torch's own takes no part of a batch away, and loads its compiler when first made.

    Args:
        point: float32 (B, ...); overwritten by every step.
        lr: Learning rate.

    Source:
        Kingma & Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.
    """

    def __init__(self, point: Tensor, lr: float) -> None:
        self.point = point
        self.lr = lr
        self.steps = 0
        self._mean = torch.zeros_like(point)
        self._square = torch.zeros_like(point)

    def step(self, gradient: Tensor) -> None:
        """One step down; overwrites the gradient."""
        self.steps += 1
        first, second = 1 - FIRST_DECAY**self.steps, math.sqrt(1 - SECOND_DECAY**self.steps)
        self._mean.lerp_(gradient, 1 - FIRST_DECAY)
        self._square.mul_(SECOND_DECAY).addcmul_(gradient, gradient, value=1 - SECOND_DECAY)
        pace = torch.sqrt(self._square, out=gradient).add_(STABILISER * second)
        self.point.addcdiv_(self._mean, pace, value=-self.lr * second / first)

    def narrow(self, keep: Tensor) -> None:
        """Forgets the images where `keep`, bool (B,), does not hold."""
        self.point, self._mean, self._square = self.point[keep], self._mean[keep], self._square[keep]
