"""BLIP, made anew."""

from __future__ import annotations

from typing import Any

from robustmel.linkers.blip import BLIP
from robustmel.training.families import Family
from robustmel.training.families.towers import square, text_tower, vision_tower
from robustmel.training.losses import symmetric_cross_entropy
from robustmel.training.recipe import Recipe

VISION_SPREAD = 0.02
"""Of a fresh vision tower's weights. The library's own 1e-10 is for towers whose weights are loaded: it leaves no gradient."""


def _fresh(recipe: Recipe, tokenizer: Any) -> Any:
    from transformers import BlipConfig, BlipForImageTextRetrieval

    # Without "is_decoder" there is no cross-attention: it serves the matching head only, which is not trained here.
    text = text_tower(recipe, tokenizer) | {"sep_token_id": tokenizer.eos_token_id, "is_decoder": False, "use_cache": False}
    vision = vision_tower(recipe) | {"initializer_range": VISION_SPREAD}
    width = recipe.architecture.projection
    return BlipForImageTextRetrieval(BlipConfig(text_config=text, vision_config=vision, image_text_hidden_size=width))


def blip_processor(recipe: Recipe) -> Any:
    """To the square; BLIP-2 has the same."""
    from transformers import BlipImageProcessorPil

    return BlipImageProcessorPil(size=square(recipe))


FAMILY = Family(BLIP, _fresh, blip_processor, symmetric_cross_entropy, masked=True, keeps_temperature=False)
