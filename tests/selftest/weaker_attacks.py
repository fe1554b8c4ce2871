"""Attacks that are right, and weaker than PGD at the same budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from robustmel.types import Perturbation


@dataclass(frozen=True)
class MomentumFGSM:
    """Steps of eps / steps along the sign of an accumulated gradient, for transfer (MI-FGSM; Dong et al., 2018)."""

    eps: float = 8 / 255
    steps: int = 10
    decay: float = 1.0

    modality: ClassVar = "image"
    writes: ClassVar = ("image",)
    needs: ClassVar = "gradients"
    threat_model: ClassVar = "linf"
    random: ClassVar = False
    version: ClassVar = 1

    @property
    def budget(self) -> str:
        return f"{self.eps * 255:.4g}/255"

    def passes(self) -> int:
        return self.steps + 1

    def perturb(self, pixels: Tensor, objective: Any, gold: Tensor, noise: Any) -> Perturbation:
        low, high = (pixels - self.eps).clamp(min=0), (pixels + self.eps).clamp(max=1)
        current, momentum = pixels, torch.zeros_like(pixels)
        for _ in range(self.steps):
            leaf = current.detach().requires_grad_()
            with torch.enable_grad():
                loss = torch.nn.functional.cross_entropy(objective(leaf), gold, reduction="sum")
                (gradient,) = torch.autograd.grad(loss, leaf)
            momentum = self.decay * momentum + gradient / gradient.abs().mean((1, 2, 3), keepdim=True).clamp(min=1e-12)
            current = (current + self.eps / self.steps * momentum.sign()).clamp(low, high)
        change, count = (current - pixels).flatten(1), torch.full_like(gold, self.steps)
        fooled = objective(current).argmax(1) != gold
        return Perturbation(
            current.detach(), fooled, count, count, change.abs().amax(1), change.norm(dim=1), torch.zeros_like(gold)
        )
