"""What an attack hands back: images of the shape that it was given, within its budget."""

import math
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from robustmel.attacks.contract import ImageAttack
from robustmel.attacks.image.eight_bit import eight_bit
from robustmel.attacks.quantities import number
from robustmel.errors import RobustMELError, UsageError, with_article
from robustmel.types import Perturbation

HALF_A_LEVEL = 0.5 / 255
ROUNDING = 1e-3
"""How far an l2 norm may pass its budget, as a share: sums of 32 bits."""


def check_attack_output(attack: ImageAttack, pixels: Tensor, output: object) -> None:
    """Refuses what is no image within the budget.

    Raises:
        RobustMELError: It is no perturbation, lacks a value for each image, is of another shape, or beyond a budget that is a number: no image of it counts.
        ValueError: Pixels are no numbers, which may be so for one image alone.
    """
    sort = f"attack {type(attack).__name__}"
    if not isinstance(output, Perturbation):
        kind = with_article(type(output).__name__)
        raise RobustMELError(f"{sort}: perturb must return a robustmel.types.Perturbation, not {kind}.")
    images: Any = output.pixels
    for name in ("succeeded", "queries", "iterations", "linf", "l2", "zero_gradients"):
        told: Any = getattr(output, name)
        if not isinstance(told, Tensor) or told.shape != (len(pixels),):
            raise RobustMELError(f"{sort}: {name} of its Perturbation must be a tensor with a value an image.")
    if not isinstance(output.note, str):
        raise RobustMELError(f"{sort}: note of its Perturbation must be text.")
    if not isinstance(images, Tensor) or images.shape != pixels.shape or images.dtype != torch.float32:
        raise RobustMELError(f"{sort}: its pixels must be float32 with the shape of its input.")
    if not bool(images.isfinite().all()):
        raise ValueError(f"{sort}: its pixels must be finite.")
    images = images.detach()
    budget, allowed = getattr(attack, "budget", ""), math.inf
    norm = getattr(attack, "threat_model", "")
    with suppress(UsageError):  # a budget in words
        allowed = number("budget", budget)
    if norm == "linf" and (reach := float((eight_bit(images) - pixels).abs().max())) > allowed + HALF_A_LEVEL:
        raise RobustMELError(f"{sort} leaves its budget: linf {reach:.4g} in 8 bits, where {budget} is allowed.")
    if norm == "l2" and (reach := float((images - pixels).flatten(1).norm(dim=1).max())) > allowed * (1 + ROUNDING):
        raise RobustMELError(f"{sort} leaves its budget: l2 {reach:.4g}, where {budget} is allowed.")
