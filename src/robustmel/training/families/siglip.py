"""SigLIP, made anew."""

from __future__ import annotations

import math
from typing import Any

from robustmel.errors import UsageError
from robustmel.linkers.siglip import SigLIP
from robustmel.training.families import Family
from robustmel.training.families.towers import square, text_tower, vision_tower
from robustmel.training.losses import pairwise_sigmoid
from robustmel.training.recipe import Recipe


def _fresh(recipe: Recipe, tokenizer: Any) -> Any:
    from transformers import SiglipConfig, SiglipModel

    shape = recipe.architecture
    if shape.text_width != shape.vision_width:
        raise UsageError("recipe: SigLIP has no image projection, so architecture.text_width must equal vision_width.")
    text = text_tower(recipe, tokenizer) | {"projection_size": shape.vision_width}
    model = SiglipModel(SiglipConfig(text_config=text, vision_config=vision_tower(recipe)))
    # Algorithm 1 of the paper: t' = log 10, b = -10. Random towers embed everything in much the same direction, so at first
    # all cosines are near 1 and all logits near 0.
    model.logit_scale.data.fill_(math.log(10))
    model.logit_bias.data.fill_(-10.0)
    return model


def _processor(recipe: Recipe) -> Any:
    from transformers import SiglipImageProcessorPil

    return SiglipImageProcessorPil(size=square(recipe))


FAMILY = Family(SigLIP, _fresh, _processor, pairwise_sigmoid, masked=False)
