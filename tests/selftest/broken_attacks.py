"""PGD as it should be, and copies of it that are each broken in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from robustmel.types import Perturbation


@dataclass(frozen=True)
class Right:
    """Plain PGD."""

    eps: float = 8 / 255
    steps: int = 20

    modality: ClassVar = "image"
    writes: ClassVar = ("image",)
    needs: ClassVar = "gradients"
    threat_model: ClassVar = "linf"
    random: ClassVar = True
    version: ClassVar = 1

    sign: ClassVar = 1.0
    searched: ClassVar = 1.0
    stays: ClassVar = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "eps", self.eps if isinstance(self.eps, float) else as_number(self.eps))

    @property
    def budget(self) -> str:
        return f"{self.eps * 255:.4g}/255"

    def passes(self) -> int:
        return self.steps

    def perturb(self, pixels: Tensor, objective: Any, gold: Tensor, noise: Any) -> Perturbation:
        radius = self.searched * self.eps
        low, high = (pixels - radius).clamp(min=0), (pixels + radius).clamp(max=1)
        current = (pixels + radius * noise.uniform()).clamp(low, high)
        for _ in range(self.steps):
            leaf = current.detach().requires_grad_()
            with torch.enable_grad():
                loss = torch.nn.functional.cross_entropy(objective(leaf), gold, reduction="sum")
                (gradient,) = torch.autograd.grad(loss, leaf)
            moved = current + self.sign * radius / 8 * gradient.sign()
            current = current if self.stays else torch.minimum(torch.maximum(moved, low), high)
        current = self.handed_back(pixels, current)
        change, count = (current - pixels).flatten(1), torch.full_like(gold, self.steps)
        fooled = objective(current).argmax(1) != gold
        lengths = change.abs().amax(1), change.norm(dim=1)
        return Perturbation(current.detach(), fooled, count, count, *lengths, torch.zeros_like(gold))

    def handed_back(self, pixels: Tensor, found: Tensor) -> Tensor:
        return found


def as_number(written: str) -> float:
    over, _, under = written.partition("/")
    return float(over) / float(under or 1)


class WrongSign(Right):
    """Descends the loss."""

    sign = -1.0


class HalfRadius(Right):
    """Searches a ball of half its budget."""

    searched = 0.5


class TwiceTheRadius(Right):
    """Hands back images outside its budget."""

    searched = 2.0


class NeverLeaves(Right):
    """Stays at its random start."""

    stays = True


class HandsBackInputs(Right):
    """Forgets what it found."""

    def handed_back(self, pixels: Tensor, found: Tensor) -> Tensor:
        return pixels


class TooShort(Right):
    """Takes steps far too short."""

    sign = 0.3


class Raises(Right):
    """Does not run."""

    def handed_back(self, pixels: Tensor, found: Tensor) -> Tensor:
        raise ValueError("no such thing")


class NoBudget(Right):
    """Has no parameter eps."""

    budget = "all"

    def __init__(self) -> None: ...
