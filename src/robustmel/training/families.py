"""One entry per family of dual encoders: its config, its image processor, how its texts are padded, its loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from robustmel.errors import UsageError
from robustmel.registry import suggestion
from robustmel.training.losses import pairwise_sigmoid, symmetric_cross_entropy
from robustmel.training.recipe import Recipe

Loss = Callable[[Tensor, Tensor, Tensor, Tensor, "Tensor | None"], Tensor]


@dataclass(frozen=True)
class Family:
    """What differs between families.

    Args:
        model_type: As `config.json` names it; a fine-tuned checkpoint must be of this type.
        library_class: Name of the model's class in the transformers library.
        fresh: A model from the recipe and the tokenizer, with random weights from torch's global generator.
        processor: The image processor of such a model: to the square, nothing cropped.
        loss: Of unit rows; see `losses`.
        masked: Texts are padded to the longest and masked; False: always padded to full length and not masked.
    """

    model_type: str
    library_class: str
    fresh: Callable[[Recipe, Any], Any]
    processor: Callable[[Recipe], Any]
    loss: Loss
    masked: bool


def family(name: str) -> Family:
    """The family of a recipe.

    Raises:
        UsageError: It is unknown.
    """
    if name not in FAMILIES:
        raise UsageError(f'unknown family "{name}". {suggestion(name, FAMILIES)}')
    return FAMILIES[name]


def _towers(recipe: Recipe, tokenizer: Any) -> dict[str, Any]:
    shape = recipe.architecture
    return {
        "text_config": {
            "vocab_size": len(tokenizer),
            "hidden_size": shape.text_width,
            "intermediate_size": 4 * shape.text_width,
            "num_hidden_layers": shape.text_depth,
            "num_attention_heads": shape.heads,
            "max_position_embeddings": recipe.text_length,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        "vision_config": {
            "hidden_size": shape.vision_width,
            "intermediate_size": 4 * shape.vision_width,
            "num_hidden_layers": shape.vision_depth,
            "num_attention_heads": shape.heads,
            "image_size": shape.image_size,
            "patch_size": shape.patch_size,
        },
    }


def _fresh_clip(recipe: Recipe, tokenizer: Any) -> Any:
    from transformers import CLIPConfig, CLIPModel

    projection = recipe.architecture.projection
    towers = _towers(recipe, tokenizer)
    for tower in towers.values():
        tower["projection_dim"] = projection
    return CLIPModel(CLIPConfig(**towers, projection_dim=projection))


def _fresh_siglip(recipe: Recipe, tokenizer: Any) -> Any:
    from transformers import SiglipConfig, SiglipModel

    shape = recipe.architecture
    if shape.text_width != shape.vision_width:
        raise UsageError("recipe: SigLIP has no image projection, so architecture.text_width must equal vision_width.")
    towers = _towers(recipe, tokenizer)
    towers["text_config"]["projection_size"] = shape.vision_width
    model = SiglipModel(SiglipConfig(**towers))
    # Algorithm 1 of the paper: t' = log 10, b = -10. Random towers embed everything in much the same direction, so at first
    # all cosines are near 1 and all logits near 0.
    model.logit_scale.data.fill_(math.log(10))
    model.logit_bias.data.fill_(-10.0)
    return model


def _clip_processor(recipe: Recipe) -> Any:
    from transformers import CLIPImageProcessorPil

    side = recipe.architecture.image_size
    return CLIPImageProcessorPil(
        size={"height": side, "width": side}, crop_size={"height": side, "width": side}, do_center_crop=False
    )


def _siglip_processor(recipe: Recipe) -> Any:
    from transformers import SiglipImageProcessorPil

    side = recipe.architecture.image_size
    return SiglipImageProcessorPil(size={"height": side, "width": side})


FAMILIES: dict[str, Family] = {
    "clip": Family("clip", "CLIPModel", _fresh_clip, _clip_processor, symmetric_cross_entropy, masked=True),
    "siglip": Family("siglip", "SiglipModel", _fresh_siglip, _siglip_processor, pairwise_sigmoid, masked=False),
}
