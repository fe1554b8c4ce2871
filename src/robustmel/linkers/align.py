"""ALIGN."""

import math
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn

from robustmel.errors import UsageError
from robustmel.linkers.architecture import Architecture
from robustmel.linkers.dual_encoder import DualEncoder

LONGEST = 64
"""Tokens a text is padded or cut to, as in training; the position table of the published model would hold more."""


class ALIGN(DualEncoder):
    """ALIGN, trained on a billion noisy pairs of image and alt text; an EfficientNet and a BERT (Jia et al., 2021).

    Takes the parameters of `DualEncoder`. An image is embedded by the mean over all places of the last block, a text by its
    start token. Texts are padded to 64 tokens, and the padding is masked. The image tower's batch norms use their stored
    statistics, so that an image's embedding does not depend on the batch it is in.

    Source:
        Jia et al., "Scaling Up Visual and Vision-Language Representation Learning With Noisy Text Supervision", ICML 2021.
    """

    library_class = "AlignModel"
    model_types = ("align",)
    processor_class = "EfficientNetImageProcessorPil"
    processor_options = MappingProxyType(
        {
            "resample": 2,
            "rescale_factor": 1 / 127.5,
            "rescale_offset": True,
            "do_normalize": False,
            "include_top": False,
        }
    )
    fixed_text_length = True

    @staticmethod
    def text_limit(config: Any, tokenizer: Any) -> int:
        """64 tokens, or what the position table or the tokenizer holds where that is less."""
        return min(LONGEST, DualEncoder.text_limit(config, tokenizer))

    @staticmethod
    def temperature(model: Any) -> Tensor:
        """The model divides its cosines by its temperature."""
        scale: Tensor = 1 / model.temperature
        return scale

    @classmethod
    def fresh_model(cls, shape: Architecture, tokenizer: Any) -> Any:
        """A small EfficientNet, and a BERT without dropout."""
        from transformers import AlignConfig, AlignModel

        text = shape.text_tower(tokenizer) | {
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
            "initializer_range": shape.text_width**-0.5,  # the library's 0.02 suits a width of 768
        }
        vision = _stages(shape)
        model = AlignModel(
            AlignConfig(text_config=text, vision_config=vision, projection_dim=shape.vision_width, temperature_init_value=0.07)
        )
        for layer in model.vision_model.modules():  # with 0.02 here, variances would be less than what batch norms add to them
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
        return model


def _stages(shape: Architecture) -> dict[str, Any]:
    """Stages that halve the side until a place is one patch, and double the width until it is `vision_width`."""
    halvings = round(math.log2(shape.patch_size)) - 1  # the stem halves the side as well
    if halvings < 1 or 2 ** (halvings + 1) != shape.patch_size or shape.vision_width % (8 * 2**halvings):
        raise UsageError(
            "recipe: ALIGN halves the image until a place is one patch and doubles the width meanwhile, so architecture.patch_size "
            f"must be 4, 8, 16, ... and vision_width a multiple of {8 * 2 ** max(1, halvings)}."
        )
    widths = [shape.vision_width // 2 ** (halvings - stage) for stage in range(halvings + 1)]
    channels = [32 * width // widths[0] for width in widths]
    return {
        "image_size": shape.image_size,
        "width_coefficient": widths[0] / 32,  # of the stem, whose width the library fixes at 32
        "in_channels": channels[:-1],
        "out_channels": channels[1:],
        "depth_coefficient": 1.0,
        "num_block_repeats": [shape.vision_depth] * halvings,
        "strides": [2] * halvings,
        "kernel_sizes": [3] * halvings,
        "expand_ratios": [1] + [4] * (halvings - 1),
        "hidden_dim": 2560,  # the pool's window: more than the map, so that all of it is pooled
        "batch_norm_momentum": 0.1,  # the newest batch's share
        "drop_connect_rate": 0.0,
    }
