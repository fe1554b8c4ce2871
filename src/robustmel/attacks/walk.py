"""The state of one run of FAB: where each image stands, and the nearest that fooled."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from robustmel.attacks.ball import Ball
from robustmel.attacks.batch import Batch, replaced
from robustmel.attacks.contract import Noise


@dataclass
class Walk(Batch):
    """A batch of images on their way along the boundary.

    Args:
        nearest: The fooling images that are nearest to the inputs; meaningless where none has fooled.
        length: float32 (b,): how far these are, infinite where none has fooled.
        valid: The last images whose scores were numbers.
    """

    nearest: Tensor
    length: Tensor
    valid: Tensor

    @classmethod
    def begin(cls, rows: Tensor, ball: Ball, noise: Noise | None) -> Walk:
        """At the images, or half a radius away from them."""
        current = ball.centre
        if noise is not None:
            uniform = noise.uniform(rows)
            current = ball.sample(uniform / (2 * torch.linalg.vector_norm(uniform, ord=torch.inf, dim=(1, 2, 3), keepdim=True)))
        nowhere = torch.full((len(rows),), torch.inf, device=current.device)
        return cls(rows, ball, current, nearest=ball.centre, length=nowhere, valid=ball.centre)

    @property
    def within(self) -> Tensor:
        """Whether an image of the ball has fooled: bool (b,)."""
        return self.length <= self.ball.eps

    def note(self, pixels: Tensor, fooling: Tensor) -> None:
        """Keeps those that fool and are nearer than any before."""
        length = torch.linalg.vector_norm(pixels - self.ball.centre, ord=torch.inf, dim=(1, 2, 3))
        better = fooling & (length < self.length)
        self.nearest, self.length = replaced(self.nearest, better, pixels), torch.where(better, length, self.length)
