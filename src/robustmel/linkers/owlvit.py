"""OWL-ViT."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from robustmel.linkers.dual_encoder import DualEncoder


class OWLViT(DualEncoder):
    """OWL-ViT: an open-vocabulary detector, read by the image and text towers that it grew from.

    Takes the parameters of `DualEncoder`. The image is seen as a whole: its embedding is that of the class token, and the
    detector's boxes are not used. Texts have at most 16 tokens in the published models, so that a `query_text` of "sentence"
    or "both" is often cut; cut texts are counted.

    Source:
        Minderer et al., "Simple Open-Vocabulary Object Detection with Vision Transformers", ECCV 2022.
    """

    library_class = "OwlViTModel"
    model_types = ("owlvit",)

    @staticmethod
    def image_features(model: Any, pixel_values: Tensor) -> Tensor:
        """The projected embedding of the class token."""
        features: Tensor = model.get_image_features(pixel_values=pixel_values).pooler_output
        return features

    @staticmethod
    def text_features(model: Any, tokens: Tensor, mask: Tensor) -> Tensor:
        """The projected embedding of the end token, which has the largest id of the vocabulary."""
        features: Tensor = model.get_text_features(input_ids=tokens, attention_mask=mask).pooler_output
        return features
