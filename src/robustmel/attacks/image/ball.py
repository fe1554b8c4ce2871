"""The L-infinity ball around an image, cut off where pixels end."""

from __future__ import annotations

import torch
from torch import Tensor

ROUNDING = 2.0**-23
"""Taken off the radius: the sum of a pixel and the radius is rounded, and must not come out beyond it."""


class Ball:
    """All images that differ from `centre` by at most `eps` in every pixel and lie in [0, 1].

    Args:
        centre: float32 (B, 3, H, W) in [0, 1].
        eps: Radius, in units of the pixel range.
    """

    def __init__(self, centre: Tensor, eps: float) -> None:
        self.eps = max(eps - ROUNDING, 0.0)
        self.centre = centre
        self.low = (centre - self.eps).clamp_(min=0)
        self.high = (centre + self.eps).clamp_(max=1)

    def sample(self, uniform: Tensor) -> Tensor:
        """The point that noise in [-1, 1] of the centre's shape leads to."""
        return self.project(self.centre + self.eps * uniform)

    def project(self, pixels: Tensor) -> Tensor:
        """The nearest point of the ball; overwrites what it is given."""
        return torch.clamp(pixels, self.low, self.high, out=pixels)

    def step(self, pixels: Tensor, gradient: Tensor, length: float) -> Tensor:
        """One step of that length along the gradient's sign, projected; overwrites the gradient, not the pixels."""
        return self.project(torch.add(pixels, gradient.sign_(), alpha=length, out=gradient))

    def narrow(self, keep: Tensor) -> Ball:
        """The balls of some images of the batch: those where `keep`, bool (B,), holds."""
        some = Ball.__new__(Ball)
        some.eps, some.centre, some.low, some.high = self.eps, self.centre[keep], self.low[keep], self.high[keep]
        return some
