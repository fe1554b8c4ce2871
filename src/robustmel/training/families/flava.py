"""FLAVA, made anew: the two towers; what joins them is there, because the library's model has it, and as small as can be."""

from __future__ import annotations

from typing import Any

from torch.nn import init

from robustmel.linkers.flava import FLAVA
from robustmel.training.families import Family
from robustmel.training.families.towers import square, text_tower, vision_tower
from robustmel.training.losses import symmetric_cross_entropy
from robustmel.training.recipe import Recipe

UNUSED = {"hidden_size": 4, "intermediate_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1}
"""Shape of the multimodal transformer, which no linker reads and nothing trains."""


def _fresh(recipe: Recipe, tokenizer: Any) -> Any:
    from transformers import FlavaConfig, FlavaModel

    shape = recipe.architecture
    # The library's deviation of 0.02 suits a width of 768; in narrow towers it makes all first embeddings one and the same.
    text = text_tower(recipe, tokenizer) | {"initializer_range": shape.text_width**-0.5}
    image = vision_tower(recipe) | {"initializer_range": shape.vision_width**-0.5}
    config = FlavaConfig(
        text_config=text,
        image_config=image,
        multimodal_config=UNUSED,
        hidden_size=shape.text_width,
        projection_dim=shape.projection,
        init_codebook=False,
    )
    model = FlavaModel(config)
    first = model.image_model.embeddings
    for zeros in (first.cls_token, first.position_embeddings):  # as the library leaves them, all places look alike
        init.normal_(zeros, std=image["initializer_range"])
    return model


def _processor(recipe: Recipe) -> Any:
    from transformers import FlavaImageProcessorPil

    return FlavaImageProcessorPil(size=square(recipe), crop_size=square(recipe), do_center_crop=False)


FAMILY = Family(FLAVA, _fresh, _processor, symmetric_cross_entropy, masked=True)
