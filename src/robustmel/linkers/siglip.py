"""SigLIP."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from robustmel.linkers.dual_encoder import DualEncoder


class SigLIP(DualEncoder):
    """SigLIP: image and text towers trained with a sigmoid on every pair.

    Takes the parameters of `DualEncoder`. Every text is padded to the limit (64 tokens in the published models) and the padding
    is read, not masked, because the models were trained so.

    Source:
        Zhai et al., "Sigmoid Loss for Language Image Pre-Training", ICCV 2023.
    """

    library_class = "SiglipModel"
    model_types = ("siglip",)
    fixed_text_length = True

    @staticmethod
    def image_features(model: Any, pixel_values: Tensor) -> Tensor:
        """The embedding of the attention-pooling head."""
        features: Tensor = model.get_image_features(pixel_values=pixel_values).pooler_output
        return features

    @staticmethod
    def text_features(model: Any, tokens: Tensor, mask: Tensor) -> Tensor:
        """The projected embedding of the last position."""
        features: Tensor = model.get_text_features(input_ids=tokens).pooler_output
        return features
