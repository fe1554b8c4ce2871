"""FLAVA."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from robustmel.linkers.dual_encoder import DualEncoder


class FLAVA(DualEncoder):
    """FLAVA: image and text transformers with a contrastive loss between them, among other losses.

    Takes the parameters of `DualEncoder`. The transformer that joins both sides, and the codebook that images are turned into
    for masked modelling, take no part. Texts have at most 512 tokens in the published model.

    Source:
        Singh et al., "FLAVA: A Foundational Language And Vision Alignment Model", CVPR 2022.
    """

    library_class = "FlavaModel"
    model_types = ("flava",)

    @staticmethod
    def image_features(model: Any, pixel_values: Tensor) -> Tensor:
        """The projected embedding of the class token; the library projects every patch."""
        features: Tensor = model.get_image_features(pixel_values=pixel_values).pooler_output[:, 0]
        return features

    @staticmethod
    def text_features(model: Any, tokens: Tensor, mask: Tensor) -> Tensor:
        """The projected embedding of the start token; the library projects every token."""
        features: Tensor = model.get_text_features(input_ids=tokens, attention_mask=mask).pooler_output[:, 0]
        return features
