"""What is said of a family of dual encoders, once for linking and for training."""

import importlib
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from robustmel.linkers.architecture import Architecture
from robustmel.linkers.losses import symmetric_cross_entropy

FIRST_TEMPERATURE = 0.07
"""What cosines are divided by before anything is learnt, in CLIP's training and in those that follow it."""


class Family:
    """The facts of a family, with CLIP's as defaults.

    A family names the library's classes and its `model_types`, and overrides what is otherwise with it.
    """

    library_class: ClassVar[str]
    """Name of the model's class in the transformers library."""
    model_types: ClassVar[tuple[str, ...]]
    """What config.json may state as `model_type`."""
    processor_class: ClassVar[str]
    """Name of its Pillow image processor in that library, needed only to train from a configuration; so are the next two."""
    processor_sizes: ClassVar[tuple[str, ...]] = ("size", "crop_size")
    """The processor's options that say what an image is brought to."""
    processor_options: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """Its options beside the sizes."""
    fixed_text_length: ClassVar[bool] = False
    """Whether a linker pads every text to the limit."""
    masks_padding: ClassVar[bool] = True
    """Whether padding is masked; SigLIP was trained to read it."""
    end_has_largest_id: ClassVar[bool] = False
    """Whether a text is read at the token with the largest id, which must then be the end token (OWL-ViT)."""
    contrastive_loss = staticmethod(symmetric_cross_entropy)
    """(cosines, which belong together, temperature, bias) -> loss; see `losses`."""

    @staticmethod
    def image_features(model: Any, pixel_values: Tensor) -> Tensor:
        """Image embeddings in the shared space, not normalised: (B, D) from the processor's output (B, 3, h, w).

        A family with several vectors an image, of which the best counts (BLIP-2), gives (B, Q, D) and overrides `compare`.
        """
        features: Tensor = model.get_image_features(pixel_values=pixel_values).pooler_output
        return features

    @staticmethod
    def text_features(model: Any, tokens: Tensor, mask: Tensor) -> Tensor:
        """Text embeddings in the shared space, not normalised: (B, D) from token ids and attention mask (B, length)."""
        features: Tensor = model.get_text_features(input_ids=tokens, attention_mask=mask).pooler_output
        return features

    @staticmethod
    def text_limit(config: Any, tokenizer: Any) -> int:
        """Tokens the text encoder can read: 16 for OWL-ViT, 64 for SigLIP, 77 for CLIP, 512 for BLIP and FLAVA."""
        return min(int(config.text_config.max_position_embeddings), int(tokenizer.model_max_length))

    @staticmethod
    def temperature(model: Any) -> Tensor:
        """What multiplies cosines before a softmax, differentiable where it is learnt.

        A model that holds no learnt one (BLIP) has that of its configuration, where training publishes it; else 1 / 0.07, where
        training starts.
        """
        if hasattr(model, "logit_scale"):
            scale: Tensor = model.logit_scale.exp()
            return scale
        logarithm = getattr(model.config, "logit_scale_init_value", -math.log(FIRST_TEMPERATURE))
        return torch.tensor(logarithm, dtype=torch.float64).exp()

    @staticmethod
    def compare(images: Tensor | None, texts: Tensor | None, labels: Tensor, normalise: bool) -> Tensor:
        """Cosines of B queries with U labels, (B, U), from embeddings as the towers give them.

        Args:
            images: (B, D), or None where the task reads no image.
            texts: (B, D), zero where a query has no text, or None where the task reads no text.
            labels: (U, D), of unit length.
            normalise: Bring images and texts to unit length before they are summed.
        """
        parts = [part for part in (images, texts) if part is not None]
        if normalise:
            parts = [functional.normalize(part, dim=-1) for part in parts]
        dtype = parts[0].dtype
        query = parts[0] if len(parts) == 1 else parts[0] + parts[1].to(dtype)
        return functional.normalize(query, dim=-1) @ labels.to(dtype).T

    @classmethod
    def fresh_model(cls, shape: Architecture, tokenizer: Any) -> Any:
        """A model with random weights from torch's global generator: two towers and a projection, unless a family differs.

        Raises:
            UsageError: The shape does not fit the family.
        """
        model = getattr(importlib.import_module("transformers"), cls.library_class)
        text, vision = shape.text_tower(tokenizer), shape.vision_tower
        return model(model.config_class(text_config=text, vision_config=vision, projection_dim=shape.projection))

    @classmethod
    def image_processor(cls, shape: Architecture) -> Any:
        """The image processor of such a model: to the square, nothing cropped."""
        processor = getattr(importlib.import_module("transformers"), cls.processor_class)
        return processor(**dict.fromkeys(cls.processor_sizes, shape.square), **cls.processor_options)
