"""Training of linkers: a recipe and data sets in, a checkpoint folder in the Hugging Face layout out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from robustmel.training.checkpoint import TRAINEES, Checkpoint, train

__all__ = ["TRAINEES", "Checkpoint", "train"]


def __getattr__(name: str) -> Any:
    if name in __all__:  # imported when asked for: they need torch
        from robustmel.training import checkpoint

        return getattr(checkpoint, name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
