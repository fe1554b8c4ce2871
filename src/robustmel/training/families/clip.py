"""CLIP, made anew."""

from __future__ import annotations

from typing import Any

from robustmel.linkers.clip import CLIP
from robustmel.training.families import Family
from robustmel.training.families.towers import square, text_tower, vision_tower
from robustmel.training.losses import symmetric_cross_entropy
from robustmel.training.recipe import Recipe


def _fresh(recipe: Recipe, tokenizer: Any) -> Any:
    from transformers import CLIPConfig, CLIPModel

    width = recipe.architecture.projection
    text, vision = text_tower(recipe, tokenizer), vision_tower(recipe)
    text["projection_dim"] = vision["projection_dim"] = width
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=width))


def _processor(recipe: Recipe) -> Any:
    from transformers import CLIPImageProcessorPil

    return CLIPImageProcessorPil(size=square(recipe), crop_size=square(recipe), do_center_crop=False)


FAMILY = Family(CLIP, _fresh, _processor, symmetric_cross_entropy, masked=True)
