"""Attacks of one's own that hand back the wrong thing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from robustmel.types import Perturbation


@dataclass(frozen=True)
class Shift:
    """Adds a constant, within its budget."""

    modality, writes, needs, version, random = "image", ("image",), "scores", 1, False
    threat_model: ClassVar[str] = "linf"
    budget: ClassVar[str] = "8/255"

    def passes(self) -> int:
        return 1

    def moved(self, pixels: Tensor) -> Any:
        return (pixels + 8 / 255).clamp(0, 1)

    def perturb(self, pixels: Tensor, objective: Any, gold: Tensor, noise: Any) -> Any:
        ones, length = torch.ones(len(pixels), dtype=torch.int64), torch.zeros(len(pixels))
        return Perturbation(self.moved(pixels), ones > 0, ones, ones, length, length, ones)


class Wordy(Shift):
    """Says its budget in words."""

    budget: ClassVar[str] = "a little"


class Between(Shift):
    """Has a budget between two levels."""

    budget: ClassVar[str] = "0.6/255"


class Lacking(Shift):
    """Hands back lengths of the first image alone."""

    def perturb(self, pixels: Tensor, objective: Any, gold: Tensor, noise: Any) -> Any:
        made = super().perturb(pixels, objective, gold, noise)
        return replace(made, linf=made.linf[:1])


class Listed(Shift):
    """Hands back a note an image."""

    def perturb(self, pixels: Tensor, objective: Any, gold: Tensor, noise: Any) -> Any:
        return replace(super().perturb(pixels, objective, gold, noise), note=["odd"] * len(pixels))


class Texts:
    """Hands back sentences."""

    modality, writes, needs, version, random, threat_model, budget = "text", ("text",), "nothing", 1, False, "words", "1 word"

    def passes(self) -> int:
        return 0

    def perturb(self, queries: Any, objective: Any, gold: Any, seeds: Any) -> Any:
        return ["hello"] * len(queries)


class Leaves(Shift):
    """Leaves its budget by a level."""

    def moved(self, pixels: Tensor) -> Any:
        return (pixels - 9 / 255).clamp(0, 1)


class Black(Shift):
    """Paints black."""

    def moved(self, pixels: Tensor) -> Any:
        return pixels * 0


class NotFinite(Shift):
    """Hands back what is no number."""

    def moved(self, pixels: Tensor) -> Any:
        return pixels * torch.nan


class Bytes(Shift):
    """Hands back bytes."""

    def moved(self, pixels: Tensor) -> Any:
        return (pixels * 255).byte()


class Double(Shift):
    """Hands back double precision."""

    def moved(self, pixels: Tensor) -> Any:
        return pixels.double()


class Array(Shift):
    """Hands back an array of numpy."""

    def moved(self, pixels: Tensor) -> Any:
        return pixels.numpy()


class Fewer(Shift):
    """Loses an image."""

    def moved(self, pixels: Tensor) -> Any:
        return pixels[1:]


class Bare(Shift):
    """Hands back pixels alone."""

    def perturb(self, pixels: Tensor, objective: Any, gold: Tensor, noise: Any) -> Any:
        return pixels


class Nothing(Shift):
    """Hands back nothing."""

    def perturb(self, pixels: Tensor, objective: Any, gold: Tensor, noise: Any) -> Any:
        return None


class Overwrites(Shift):
    """Paints the images that it is given black."""

    def moved(self, pixels: Tensor) -> Any:
        return pixels.mul_(0)


class NoBudget(Shift):
    """States no budget."""

    budget = None


class Far(Shift):
    """Leaves a budget of length."""

    threat_model: ClassVar = "l2"
    budget = "0.5"


class Unpriced(Shift):
    """Cannot say what it costs."""

    def passes(self) -> int:
        raise RuntimeError("no price")
