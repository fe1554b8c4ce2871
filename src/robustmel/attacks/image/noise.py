"""Random noise of an attack's size: the control that no attack may fall behind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from torch import Tensor

from robustmel.attacks.contract import Noise, Objective
from robustmel.attacks.image.ball import Ball
from robustmel.attacks.image.clean import QueryFreeAttack, without_queries
from robustmel.attacks.image.eight_bit import euclidean, within
from robustmel.attacks.quantities import as_budget, number, one_of, pixel_length, radius
from robustmel.types import Perturbation


@dataclass(frozen=True)
class UniformNoise(QueryFreeAttack):
    """Adds random noise as large as an attack's change: a control for the effect of size (Carlini et al., 2019).

    Args:
        eps: The norm; of "linf" in units of the pixel range [0, 1]. Also as "8/255".
        norm: "linf" or "l2"; the direction is uniform on that norm's sphere. What leaves [0, 1] is cut off, and what
            rounding to 8 bits would make longer is shortened, so the change may be shorter than `eps`.
        draw: For "linf": "sign" moves every pixel by `eps` up or down, "uniform" by any amount up to `eps`.

    Raises:
        UsageError: A value is out of its range.

    Source:
        The control asked for by Carlini et al., "On Evaluating Adversarial Robustness", 2019, section 4.
    """

    eps: float = 8 / 255
    norm: Literal["linf", "l2"] = "linf"
    draw: Literal["sign", "uniform"] = "sign"

    threat_model: ClassVar[str] = "noise"
    random: ClassVar[bool] = True
    version: ClassVar[int] = 2

    def __post_init__(self) -> None:
        """Checks the values."""
        one_of("norm", self.norm, "linf", "l2")
        one_of("draw", self.draw, "sign", "uniform")
        checked = pixel_length("eps", self.eps) if self.norm == "linf" else number("eps", self.eps)
        object.__setattr__(self, "eps", checked)

    @property
    def budget(self) -> str:
        """The norm."""
        return as_budget(self.eps) if self.norm == "linf" else f"l2={self.eps:g}"

    @property
    def for_eight_bits(self) -> UniformNoise:
        """The noise as it acts on images of 8 bits; see `BallAttack`."""
        return replace(self, eps=radius("eps", self.eps)) if self.norm == "linf" else self

    def perturb(self, pixels: Tensor, objective: Objective, gold: Tensor, noise: Noise) -> Perturbation:
        """Perturbs a batch; `succeeded` is False, since no linker was asked."""
        if self.eps == 0:
            return without_queries(pixels, pixels)
        if self.norm == "l2":
            direction = noise.normal()
            change = self.eps * direction / euclidean(direction)[:, None, None, None]
            return without_queries(pixels, within(pixels, change, self.eps, euclidean))
        uniform = noise.uniform()
        return without_queries(pixels, Ball(pixels, self.eps).sample(uniform.sign() if self.draw == "sign" else uniform))
