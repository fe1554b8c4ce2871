"""No attack: the image as it is."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from robustmel.attacks.contract import Noise, Objective
from robustmel.types import Perturbation


class QueryFreeAttack:
    """Base of what changes images without asking a linker anything; a subclass is a frozen dataclass."""

    modality: ClassVar[Literal["image"]] = "image"
    writes: ClassVar[tuple[str, ...]] = ("image",)
    needs: ClassVar[Literal["nothing"]] = "nothing"

    def passes(self) -> int:
        """None."""
        return 0


@dataclass(frozen=True)
class Clean(QueryFreeAttack):
    """Changes nothing: the clean accuracy, the baseline of robustness (column RAW of the visual-attack paper).

    Source:
        The "RAW" columns of the visual-attack paper's Table 2.
    """

    threat_model: ClassVar[str] = "none"
    random: ClassVar[bool] = False
    version: ClassVar[int] = 1

    @property
    def budget(self) -> str:
        """None."""
        return ""

    def perturb(self, pixels: Tensor, objective: Objective, gold: Tensor, noise: Noise) -> Perturbation:
        """The batch itself; `succeeded` is False, since no linker was asked."""
        return without_queries(pixels, pixels)


def without_queries(pixels: Tensor, perturbed: Tensor) -> Perturbation:
    """The perturbation of an attack that queries no linker."""
    change = (perturbed - pixels).flatten(1)
    none = torch.zeros(len(pixels), dtype=torch.int64, device=pixels.device)
    return Perturbation(
        pixels=perturbed,
        succeeded=none.bool(),
        queries=none,
        iterations=none,
        linf=torch.linalg.vector_norm(change, ord=torch.inf, dim=1),
        l2=torch.linalg.vector_norm(change, dim=1),
        zero_gradients=none,
    )
