"""The shape of a small model made anew, and how configurations of the transformers library write it. No torch."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Architecture:
    """Shape of a model made from its configuration; without meaning where a checkpoint is fine-tuned.

    Args:
        image_size: Side of the square the model sees, in pixels.
        patch_size: Side of one patch, in pixels. ALIGN's convolutions halve the image until a place is one patch.
        vision_width: Width of the vision transformer; of ALIGN's last convolutions.
        vision_depth: Its number of layers; ALIGN's number of blocks at each size.
        text_width: Width of the text transformer. SigLIP has no image projection: there it must equal `vision_width`.
        text_depth: Its number of layers.
        heads: Attention heads of both.
        projection: Dimension of the shared space; without meaning for ALIGN and SigLIP, where it is `vision_width`.
        vocabulary: Size of the byte-level BPE vocabulary, learnt from the training texts; 259 is the least.
    """

    image_size: int = 48
    patch_size: int = 8
    vision_width: int = 96
    vision_depth: int = 4
    text_width: int = 96
    text_depth: int = 2
    heads: int = 4
    projection: int = 64
    vocabulary: int = 1500

    @property
    def square(self) -> dict[str, int]:
        """Size of the image a model sees, as image processors write it."""
        return {"height": self.image_size, "width": self.image_size}

    @property
    def vision_tower(self) -> dict[str, Any]:
        """Shape of the vision transformer."""
        return {
            "hidden_size": self.vision_width,
            "intermediate_size": 4 * self.vision_width,
            "num_hidden_layers": self.vision_depth,
            "num_attention_heads": self.heads,
            "image_size": self.image_size,
            "patch_size": self.patch_size,
        }

    def language_model(self, tokenizer: Any) -> dict[str, Any]:
        """Shape of a causal language model with gated layers, which are two thirds as wide as plain ones."""
        return self.text_tower(tokenizer) | {"intermediate_size": 8 * self.text_width // 3, "tie_word_embeddings": True}

    def text_tower(self, tokenizer: Any) -> dict[str, Any]:
        """Shape of the text transformer, for the tokenizer's vocabulary, longest text and special tokens."""
        return {
            "vocab_size": len(tokenizer),
            "hidden_size": self.text_width,
            "intermediate_size": 4 * self.text_width,
            "num_hidden_layers": self.text_depth,
            "num_attention_heads": self.heads,
            "max_position_embeddings": tokenizer.model_max_length,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        }
