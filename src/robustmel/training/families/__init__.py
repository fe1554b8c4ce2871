"""Families of dual encoders that can be trained: one file a family, and one line here."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from robustmel.errors import UsageError
from robustmel.linkers.dual_encoder import DualEncoder as Linker
from robustmel.registry import suggestion
from robustmel.training.recipe import Recipe

Loss = Callable[[Tensor, Tensor, Tensor, "Tensor | None"], Tensor]

FAMILIES = {
    "align": "robustmel.training.families.align:FAMILY",
    "blip": "robustmel.training.families.blip:FAMILY",
    "blip2": "robustmel.training.families.blip2:FAMILY",
    "clip": "robustmel.training.families.clip:FAMILY",
    "flava": "robustmel.training.families.flava:FAMILY",
    "owlvit": "robustmel.training.families.owlvit:FAMILY",
    "siglip": "robustmel.training.families.siglip:FAMILY",
}
"""Name in a recipe -> "module:value", imported when it is asked for."""


def exponentiated(model: Any) -> Tensor:
    """The learnt temperature, exponentiated; at most 100, as in CLIP."""
    scale: Tensor = model.logit_scale.exp().clamp(max=100.0)
    return scale


@dataclass(frozen=True)
class Family:
    """What differs between families.

    Args:
        linker: The linker that reads such a checkpoint: it names the library's class and says how embeddings are taken.
        fresh: A model from the recipe and the tokenizer, with random weights from torch's global generator.
        processor: The image processor of such a model: to the square, nothing cropped.
        loss: Of cosines; see `losses`.
        masked: Texts are padded to the longest and masked; False: always padded to full length and not masked.
        end_last: The end token has the largest id of the vocabulary; see `learn_tokenizer`.
        scale: What multiplies the cosines in the loss, differentiable.
        keeps_temperature: Whether the library's model holds the learnt temperature. Where it does not, one is trained beside it
            and published in the configuration, as `logit_scale_init_value`, where the linker finds it.
    """

    linker: type[Linker]
    fresh: Callable[[Recipe, Any], Any]
    processor: Callable[[Recipe], Any]
    loss: Loss
    masked: bool
    end_last: bool = False
    scale: Callable[[Any], Tensor] = exponentiated
    keeps_temperature: bool = True

    @property
    def model_type(self) -> str:
        """As `config.json` names it; a fine-tuned checkpoint must be of this type."""
        return self.linker.model_types[0]


def family(name: str) -> Family:
    """The family of a recipe.

    Raises:
        UsageError: It is unknown.
    """
    if name not in FAMILIES:
        raise UsageError(f'unknown family "{name}". {suggestion(name, FAMILIES)}')
    module, _, value = FAMILIES[name].partition(":")
    found: Family = getattr(importlib.import_module(module), value)
    return found
