"""Adam for a batch of images of which some may leave."""

from __future__ import annotations

import torch
from torch import Tensor


class Adam:
    """Moves `point` against gradients, each entry at its own pace.

    Args:
        point: float32 (B, ...); overwritten by every step.
        lr: Learning rate.

    Source:
        Kingma & Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.
    """

    def __init__(self, point: Tensor, lr: float) -> None:
        self.point = point
        self._optimiser = torch.optim.Adam([point], lr=lr, fused=True)  # one pass over memory where the plain form makes ten

    def step(self, gradient: Tensor) -> None:
        """One step down."""
        self.point.grad = gradient
        self._optimiser.step()
        self.point.grad = None

    def narrow(self, keep: Tensor) -> None:
        """Forgets the images where `keep`, bool (B,), does not hold."""
        rest = Adam(self.point[keep], self._optimiser.defaults["lr"])
        for name, value in self._optimiser.state[self.point].items():
            rest._optimiser.state[rest.point][name] = value[keep] if value.ndim else value
        self.point, self._optimiser = rest.point, rest._optimiser
