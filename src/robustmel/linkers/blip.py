"""BLIP, by its image-text contrastive head."""

from typing import Any

from torch import Tensor

from robustmel.linkers.architecture import Architecture
from robustmel.linkers.dual_encoder import DualEncoder


class BLIP(DualEncoder):
    """BLIP for retrieval, with its contrastive head (ITC): cosine of image and text (Li et al., 2022).

    Takes the parameters of `DualEncoder`. The matching head (ITM), which reads image and text together, is not used: it gives no
    embeddings. Such checkpoints do not keep the learnt temperature; `logit_scale` is the configuration's (1 / 0.07, where
    training starts, in the published ones).

    Source:
        Li et al., "BLIP: Bootstrapping Language-Image Pre-training for Unified Vision-Language Understanding and Generation",
        ICML 2022, section 3.2.
    """

    library_class = "BlipForImageTextRetrieval"
    model_types = ("blip",)
    processor_class = "BlipImageProcessorPil"
    processor_sizes = ("size",)

    @staticmethod
    def image_features(model: Any, pixel_values: Tensor) -> Tensor:
        """The projected class token of the vision transformer."""
        features: Tensor = model.vision_proj(model.vision_model(pixel_values=pixel_values).last_hidden_state[:, 0])
        return features

    @staticmethod
    def text_features(model: Any, tokens: Tensor, mask: Tensor) -> Tensor:
        """The projected first token of the text encoder, without cross-attention."""
        read = model.text_encoder(input_ids=tokens, attention_mask=mask).last_hidden_state
        features: Tensor = model.text_proj(read[:, 0])
        return features

    @classmethod
    def fresh_model(cls, shape: Architecture, tokenizer: Any) -> Any:
        """The encoders without cross-attention, which serves the matching head alone."""
        from transformers import BlipConfig, BlipForImageTextRetrieval

        # The library's 1e-10 for the vision tower leaves no gradient, and its 0.02 for texts suits a width of 768.
        vision = shape.vision_tower | {"initializer_range": shape.vision_width**-0.5}
        text = shape.text_tower(tokenizer) | {
            "initializer_range": shape.text_width**-0.5,
            "sep_token_id": tokenizer.eos_token_id,
            "is_decoder": False,
            "use_cache": False,
        }
        config = BlipConfig(text_config=text, vision_config=vision, image_text_hidden_size=shape.projection)
        return BlipForImageTextRetrieval(config)
