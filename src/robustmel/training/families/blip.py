"""BLIP, made anew."""

from __future__ import annotations

from typing import Any

from robustmel.linkers.blip import BLIP
from robustmel.training.families import Family
from robustmel.training.families.towers import square, text_tower, vision_tower
from robustmel.training.losses import symmetric_cross_entropy
from robustmel.training.recipe import Recipe


def _fresh(recipe: Recipe, tokenizer: Any) -> Any:
    from transformers import BlipConfig, BlipForImageTextRetrieval

    shape = recipe.architecture
    # The library's 1e-10 for the vision tower leaves no gradient, and its 0.02 for texts suits a width of 768.
    vision = vision_tower(recipe) | {"initializer_range": shape.vision_width**-0.5}
    text = text_tower(recipe, tokenizer) | {
        "initializer_range": shape.text_width**-0.5,
        "sep_token_id": tokenizer.eos_token_id,
        "is_decoder": False,  # no cross-attention: it serves the matching head alone, which nothing trains
        "use_cache": False,
    }
    config = BlipConfig(text_config=text, vision_config=vision, image_text_hidden_size=shape.projection)
    return BlipForImageTextRetrieval(config)


def blip_processor(recipe: Recipe) -> Any:
    """To the square; BLIP-2 has the same."""
    from transformers import BlipImageProcessorPil

    return BlipImageProcessorPil(size=square(recipe))


FAMILY = Family(BLIP, _fresh, blip_processor, symmetric_cross_entropy, masked=True, keeps_temperature=False)
