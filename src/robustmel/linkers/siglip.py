"""SigLIP."""

import math
from typing import Any

from torch import Tensor

from robustmel.errors import UsageError
from robustmel.linkers.architecture import Architecture
from robustmel.linkers.dual_encoder import DualEncoder
from robustmel.linkers.losses import pairwise_sigmoid


class SigLIP(DualEncoder):
    """SigLIP, CLIP's successor with a sigmoid loss on every pair; SigLIP 2 too (Zhai et al., 2023).

    Takes the parameters of `DualEncoder`. Every text is padded to the limit (64 tokens in the published models) and the padding
    is read, not masked, because the models were trained so.

    Source:
        Zhai et al., "Sigmoid Loss for Language Image Pre-Training", ICCV 2023.
    """

    library_class = "SiglipModel"
    model_types = ("siglip",)
    processor_class = "SiglipImageProcessorPil"
    processor_sizes = ("size",)
    fixed_text_length = True
    masks_padding = False
    contrastive_loss = staticmethod(pairwise_sigmoid)

    @staticmethod
    def text_features(model: Any, tokens: Tensor, mask: Tensor) -> Tensor:
        """The projected embedding of the last position."""
        features: Tensor = model.get_text_features(input_ids=tokens).pooler_output
        return features

    @classmethod
    def fresh_model(cls, shape: Architecture, tokenizer: Any) -> Any:
        """Temperature and bias begin as in algorithm 1 of the paper."""
        from transformers import SiglipConfig, SiglipModel

        if shape.text_width != shape.vision_width:
            raise UsageError("recipe: SigLIP has no image projection, so architecture.text_width must equal vision_width.")
        text = shape.text_tower(tokenizer) | {"projection_size": shape.vision_width}
        model = SiglipModel(SiglipConfig(text_config=text, vision_config=shape.vision_tower))
        # Random towers embed everything in much the same direction, so at first all cosines are near 1 and all logits near 0.
        model.logit_scale.data.fill_(math.log(10))
        model.logit_bias.data.fill_(-10.0)
        return model
