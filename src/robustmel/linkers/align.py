"""ALIGN."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from robustmel.linkers.dual_encoder import DualEncoder

LONGEST = 64
"""Tokens a text is padded or cut to, as in training; the position table of the published model would hold more."""


class ALIGN(DualEncoder):
    """ALIGN: an EfficientNet and a BERT trained with a softmax over the batch.

    Takes the parameters of `DualEncoder`. Texts are padded to 64 tokens, and the padding is masked. The image tower's batch
    norms use their stored statistics, so that an image's embedding does not depend on the batch it is in.

    Source:
        Jia et al., "Scaling Up Visual and Vision-Language Representation Learning With Noisy Text Supervision", ICML 2021.
    """

    library_class = "AlignModel"
    model_types = ("align",)
    fixed_text_length = True

    @staticmethod
    def image_features(model: Any, pixel_values: Tensor) -> Tensor:
        """The mean over all places of the last block."""
        features: Tensor = model.get_image_features(pixel_values=pixel_values).pooler_output
        return features

    @staticmethod
    def text_features(model: Any, tokens: Tensor, mask: Tensor) -> Tensor:
        """The projected embedding of the start token."""
        features: Tensor = model.get_text_features(input_ids=tokens, attention_mask=mask).pooler_output
        return features

    @staticmethod
    def text_limit(config: Any, tokenizer: Any) -> int:
        """64 tokens, or what the position table or the tokenizer holds where that is less."""
        return min(LONGEST, DualEncoder.text_limit(config, tokenizer))

    @staticmethod
    def temperature(model: Any) -> float:
        """The model divides its cosines by its temperature."""
        return float(1 / model.temperature.detach())
