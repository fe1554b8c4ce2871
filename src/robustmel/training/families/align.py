"""ALIGN, made anew: a small EfficientNet and a BERT."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn

from robustmel.errors import UsageError
from robustmel.linkers.align import ALIGN
from robustmel.training.families import Family
from robustmel.training.families.towers import square, text_tower
from robustmel.training.losses import symmetric_cross_entropy
from robustmel.training.recipe import Recipe


def _stages(recipe: Recipe) -> dict[str, Any]:
    """Stages that halve the side until a place is one patch, and double the width until it is `vision_width`."""
    shape = recipe.architecture
    halvings = round(math.log2(shape.patch_size)) - 1  # the stem halves the side as well
    if halvings < 1 or 2 ** (halvings + 1) != shape.patch_size or shape.vision_width % (8 * 2**halvings):
        raise UsageError(
            "recipe: ALIGN halves the image until a place is one patch and doubles the width meanwhile, so architecture.patch_size "
            f"must be 4, 8, 16, ... and vision_width a multiple of {8 * 2 ** max(1, halvings)}."
        )
    widths = [shape.vision_width // 2 ** (halvings - stage) for stage in range(halvings + 1)]
    return {
        "image_size": shape.image_size,
        "width_coefficient": widths[0] / 32,  # of the stem, whose width the library fixes at 32
        "in_channels": [32 * one // widths[0] for one in widths[:-1]],
        "out_channels": [32 * one // widths[0] for one in widths[1:]],
        "depth_coefficient": 1.0,
        "num_block_repeats": [shape.vision_depth] * halvings,
        "strides": [2] * halvings,
        "kernel_sizes": [3] * halvings,
        "expand_ratios": [1] + [4] * (halvings - 1),
        "hidden_dim": 2560,  # the pool's window: more than the map, so that all of it is pooled
        "batch_norm_momentum": 0.1,  # the newest batch's share
        "drop_connect_rate": 0.0,
    }


def _fresh(recipe: Recipe, tokenizer: Any) -> Any:
    from transformers import AlignConfig, AlignModel

    shape = recipe.architecture
    text = text_tower(recipe, tokenizer) | {
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "initializer_range": shape.text_width**-0.5,  # the library's 0.02 suits a width of 768
    }
    config = AlignConfig(
        text_config=text, vision_config=_stages(recipe), projection_dim=shape.vision_width, temperature_init_value=0.07
    )
    model = AlignModel(config)
    for one in model.vision_model.modules():  # with 0.02 here, variances would be less than what batch norms add to them
        if isinstance(one, nn.Conv2d):
            nn.init.kaiming_normal_(one.weight)
    return model


def _processor(recipe: Recipe) -> Any:
    from transformers import EfficientNetImageProcessorPil

    return EfficientNetImageProcessorPil(
        size=square(recipe),
        crop_size=square(recipe),
        resample=2,
        rescale_factor=1 / 127.5,
        rescale_offset=True,
        do_normalize=False,
        include_top=False,
    )


def _scale(model: Any) -> Tensor:
    """The inverse of the learnt temperature, at most 100."""
    scale: Tensor = 1 / model.temperature.clamp(min=0.01)
    return scale


FAMILY = Family(ALIGN, _fresh, _processor, symmetric_cross_entropy, masked=True, scale=_scale)
