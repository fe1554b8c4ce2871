"""Natural corruptions as large as an attack's change: the control that separates adversary and size."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor

from robustmel.attacks.contract import Noise, Objective
from robustmel.attacks.image.clean import QueryFreeAttack, without_queries
from robustmel.attacks.image.degradations import DEGRADATIONS, DRAWN
from robustmel.attacks.image.eight_bit import euclidean, largest, within
from robustmel.attacks.quantities import as_budget, number, one_of, pixel_length, radius
from robustmel.types import Perturbation

MILDEST, HALVINGS = 2.0**-10, 6
"""Where the search for a severity begins, and how often the interval it ends in is halved."""

SHORT = "the corruption cannot change some images that much; it changed them as far as possible"


@dataclass(frozen=True)
class Corruption(QueryFreeAttack):
    """Blurs, compresses or dims images as much as an attack changes them: a natural control (Hendrycks & Dietterich, 2019).

    Of each image, the mildest severity whose change is at least that large is taken, and the image moved towards the result
    until the change has the size exactly. Where even the highest severity changes less (a flat image cannot be blurred), that is
    handed back, with a note.

    Args:
        kind: "gaussian_blur", "defocus_blur", "motion_blur", "pixelate", "jpeg", "brightness", "contrast", "haze",
            "gaussian_noise" or "shot_noise".
        eps: The size, in units of the pixel range [0, 1] (for "l2": a length). Also as "8/255".
        norm: "rms": root mean square over all entries, which makes the change as long as noise that moves each of them by `eps`
            up or down; "l2": Euclidean length; "linf": the largest change of an entry.

    Raises:
        UsageError: A value is out of its range.

    Source:
        The kinds are a choice of those of Hendrycks & Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions
        and Perturbations", ICLR 2019, section 3; the matching of norms is this package's own.
    """

    kind: str = "gaussian_blur"
    eps: float = 8 / 255
    norm: Literal["rms", "l2", "linf"] = "rms"

    threat_model: ClassVar[str] = "corruption"
    version: ClassVar[int] = 2

    def __post_init__(self) -> None:
        """Checks the values."""
        one_of("kind", self.kind, *DEGRADATIONS)
        one_of("norm", self.norm, "rms", "l2", "linf")
        object.__setattr__(self, "eps", (number if self.norm == "l2" else pixel_length)("eps", self.eps))

    @property
    def random(self) -> bool:
        """Whether the kind draws noise."""
        return self.kind in DRAWN

    @property
    def budget(self) -> str:
        """The size of the change."""
        return f"l2={self.eps:g}" if self.norm == "l2" else as_budget(self.eps) + (" rms" if self.norm == "rms" else "")

    @property
    def for_eight_bits(self) -> Corruption:
        """The corruption as it acts on images of 8 bits; see `BallAttack`."""
        return replace(self, eps=radius("eps", self.eps)) if self.norm == "linf" else self

    def perturb(self, pixels: Tensor, objective: Objective, gold: Tensor, noise: Noise) -> Perturbation:
        """Perturbs a batch; `succeeded` is False, since no linker was asked."""
        drawn = noise.normal() if self.random else torch.zeros_like(pixels)
        wanted = self._wanted(pixels[0])
        if wanted == 0:
            return without_queries(pixels, pixels)
        changes = [
            DEGRADATIONS[self.kind](picture, self._severity(picture, lot, wanted), lot) - picture
            for picture, lot in zip(pixels, drawn, strict=True)
        ]
        sizes = [self._size(change) for change in changes]
        exact = torch.stack([change * min(1.0, wanted / max(size, 1e-12)) for change, size in zip(changes, sizes, strict=True)])
        corrupted = within(pixels, exact, wanted, largest if self.norm == "linf" else euclidean)
        return replace(without_queries(pixels, corrupted), note=SHORT if min(sizes) < 0.999 * wanted else "")

    def _severity(self, picture: Tensor, noise: Tensor, wanted: float) -> float:
        """About the mildest severity whose change has the wanted size; 1 where there is none."""

        def enough(severity: float) -> bool:
            return self._size(DEGRADATIONS[self.kind](picture, severity, noise) - picture) >= wanted

        low, high = 0.0, MILDEST
        while high < 1 and not enough(high):
            low, high = high, 2 * high
        for _ in range(HALVINGS if high > MILDEST else 0):
            middle = (low + high) / 2
            low, high = (low, middle) if enough(middle) else (middle, high)
        return high

    def _wanted(self, picture: Tensor) -> float:
        return self.eps * math.sqrt(picture.numel()) if self.norm == "rms" else self.eps

    def _size(self, change: Tensor) -> float:
        return float(change.abs().amax() if self.norm == "linf" else torch.linalg.vector_norm(change))
