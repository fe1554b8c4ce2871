"""The configuration of two transformer towers, as most families of the library write it."""

from __future__ import annotations

from typing import Any

from robustmel.training.recipe import Recipe


def text_tower(recipe: Recipe, tokenizer: Any) -> dict[str, Any]:
    """Shape of the text transformer, and the tokenizer's special tokens."""
    shape = recipe.architecture
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": shape.text_width,
        "intermediate_size": 4 * shape.text_width,
        "num_hidden_layers": shape.text_depth,
        "num_attention_heads": shape.heads,
        "max_position_embeddings": recipe.text_length,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def vision_tower(recipe: Recipe) -> dict[str, Any]:
    """Shape of the vision transformer."""
    shape = recipe.architecture
    return {
        "hidden_size": shape.vision_width,
        "intermediate_size": 4 * shape.vision_width,
        "num_hidden_layers": shape.vision_depth,
        "num_attention_heads": shape.heads,
        "image_size": shape.image_size,
        "patch_size": shape.patch_size,
    }


def square(recipe: Recipe) -> dict[str, int]:
    """Size of the image a model sees, as image processors write it."""
    return {"height": recipe.architecture.image_size, "width": recipe.architecture.image_size}
