"""Training of linkers: a recipe and data sets in, a checkpoint folder in the Hugging Face layout out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from robustmel.registry import Registry

if TYPE_CHECKING:
    from robustmel.training.checkpoint import Checkpoint, train

__all__ = ["TRAINEES", "Checkpoint", "train"]

TRAINEES = Registry("kind of training", {"dual-encoder": "robustmel.training.dual_encoder:DualEncoderTrainee"})
"""What a linker's class may say in `trained_as` -> the `Trainee` that its training is."""


def __getattr__(name: str) -> Any:
    if name in ("Checkpoint", "train"):  # imported when asked for: they need torch
        from robustmel.training import checkpoint

        return getattr(checkpoint, name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
