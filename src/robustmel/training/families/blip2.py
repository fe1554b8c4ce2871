"""BLIP-2, made anew: a vision transformer, and a Q-Former that reads images and texts."""

from __future__ import annotations

from typing import Any

from torch import nn

from robustmel.linkers.blip2 import BLIP2
from robustmel.training.families import Family
from robustmel.training.families.blip import blip_processor
from robustmel.training.families.towers import text_tower, vision_tower
from robustmel.training.losses import symmetric_cross_entropy
from robustmel.training.recipe import Recipe

QUERY_TOKENS = 6
"""Vectors an image is described by; 32 in the published models, whose images have seven times as many patches."""


def _fresh(recipe: Recipe, tokenizer: Any) -> Any:
    from transformers import Blip2Config, Blip2ForImageTextRetrieval

    shape = recipe.architecture
    # As for BLIP: the library's deviations are for weights that are loaded, or for wide towers.
    vision = vision_tower(recipe) | {"initializer_range": shape.vision_width**-0.5}
    former = text_tower(recipe, tokenizer) | {
        "initializer_range": shape.text_width**-0.5,
        "cross_attention_frequency": 1,  # every layer reads the image: there are few
        "use_qformer_text_input": True,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    config = Blip2Config(
        vision_config=vision,
        qformer_config=former,
        num_query_tokens=QUERY_TOKENS,
        image_text_hidden_size=shape.projection,
    )
    model = Blip2ForImageTextRetrieval(config)
    # The library makes them zero, and queries that begin alike stay alike.
    nn.init.normal_(model.query_tokens, std=former["initializer_range"])
    return model


FAMILY = Family(BLIP2, _fresh, blip_processor, symmetric_cross_entropy, masked=True, keeps_temperature=False)
