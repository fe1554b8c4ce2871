"""FLAVA."""

from types import MappingProxyType
from typing import Any

from torch import Tensor
from torch.nn import init

from robustmel.linkers.architecture import Architecture
from robustmel.linkers.dual_encoder import DualEncoder

UNUSED = {"hidden_size": 4, "intermediate_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1}
"""Shape of a fresh model's multimodal transformer, which no linker reads and nothing trains."""


class FLAVA(DualEncoder):
    """FLAVA, one model for images, texts and both; uses its two towers (Singh et al., 2022).

    Takes the parameters of `DualEncoder`. The transformer that joins both sides, and the codebook that images are turned into
    for masked modelling, take no part. Texts have at most 512 tokens in the published model.

    Source:
        Singh et al., "FLAVA: A Foundational Language And Vision Alignment Model", CVPR 2022.
    """

    library_class = "FlavaModel"
    model_types = ("flava",)
    processor_class = "FlavaImageProcessorPil"
    processor_options = MappingProxyType({"do_center_crop": False})

    @staticmethod
    def image_features(model: Any, pixel_values: Tensor) -> Tensor:
        """The projected embedding of the class token; the library projects every patch."""
        return DualEncoder.image_features(model, pixel_values)[:, 0]

    @staticmethod
    def text_features(model: Any, tokens: Tensor, mask: Tensor) -> Tensor:
        """The projected embedding of the start token; the library projects every token."""
        return DualEncoder.text_features(model, tokens, mask)[:, 0]

    @classmethod
    def fresh_model(cls, shape: Architecture, tokenizer: Any) -> Any:
        """The two towers; what joins them is as small as can be."""
        from transformers import FlavaConfig, FlavaModel

        # The library's deviation of 0.02 suits a width of 768; in narrow towers it makes all first embeddings one and the same.
        text = shape.text_tower(tokenizer) | {"initializer_range": shape.text_width**-0.5}
        image = shape.vision_tower | {"initializer_range": shape.vision_width**-0.5}
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
