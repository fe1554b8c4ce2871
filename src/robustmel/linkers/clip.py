"""CLIP."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from robustmel.linkers.dual_encoder import DualEncoder


class CLIP(DualEncoder):
    """CLIP: image and text towers trained with a softmax over the batch.

    Takes the parameters of `DualEncoder`. Texts have at most 77 tokens in the published models.

    Source:
        Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021.
    """

    library_class = "CLIPModel"
    model_types = ("clip",)

    @staticmethod
    def image_features(model: Any, pixel_values: Tensor) -> Tensor:
        """The projected embedding of the class token."""
        features: Tensor = model.get_image_features(pixel_values=pixel_values).pooler_output
        return features

    @staticmethod
    def text_features(model: Any, tokens: Tensor, mask: Tensor) -> Tensor:
        """The projected embedding of the end token."""
        features: Tensor = model.get_text_features(input_ids=tokens, attention_mask=mask).pooler_output
        return features
