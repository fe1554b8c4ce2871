"""OWL-ViT, made anew: the two towers without the detector's heads."""

from __future__ import annotations

from typing import Any

from robustmel.linkers.owlvit import OWLViT
from robustmel.training.families import Family
from robustmel.training.families.towers import square, text_tower, vision_tower
from robustmel.training.losses import symmetric_cross_entropy
from robustmel.training.recipe import Recipe


def _fresh(recipe: Recipe, tokenizer: Any) -> Any:
    from transformers import OwlViTConfig, OwlViTModel

    text, vision = text_tower(recipe, tokenizer), vision_tower(recipe)
    return OwlViTModel(OwlViTConfig(text_config=text, vision_config=vision, projection_dim=recipe.architecture.projection))


def _processor(recipe: Recipe) -> Any:
    from transformers import OwlViTImageProcessorPil

    return OwlViTImageProcessorPil(size=square(recipe), crop_size=square(recipe))


FAMILY = Family(OWLViT, _fresh, _processor, symmetric_cross_entropy, masked=True, end_last=True)
