"""Adversarial training without labels: the embedding of the worst image near each is drawn to where the clean one was."""

import copy
from dataclasses import replace

import torch
from torch import Tensor

from robustmel.training.adversarial import ascended
from robustmel.training.dual_encoder_recipe import Adversarial
from robustmel.training.encoder import Encoder


def frozen_copy(encoder: Encoder) -> Encoder:
    """The encoder as it stands, in evaluation mode, untouched by what the other learns."""
    model = copy.deepcopy(encoder.model).requires_grad_(False).eval()
    return replace(encoder, model=model)


def preserving_loss(encoder: Encoder, original: Encoder, pixels: Tensor, attack: Adversarial, seed: int) -> Tensor:
    """The mean squared distance between the worst image's unit embedding and the original model's of the clean image.

    Neither labels nor texts take part, and the text tower learns nothing, so that what was embedded with it stays of use.

    Args:
        encoder: The model as it stands.
        original: The model that it began as.
        pixels: float32 (B, 3, S, S) in [0, 1], at the model's own resolution, before it normalises; B at least 1.
        attack: Radius, steps and step size.
        seed: Of the starting points.

    Source:
        Schlarmann et al., "Robust CLIP: Unsupervised Adversarial Fine-Tuning of Vision Embeddings for Robust Large Vision-Language
        Models" (FARE), ICML 2024, equation 3; there the embeddings are not of unit length.
    """
    with torch.no_grad():
        kept = original.images(pixels)

    def drift(moved: Tensor) -> Tensor:
        return (encoder.images(moved) - kept).square().flatten(1).sum(1).mean()

    return drift(ascended(encoder, pixels, attack, seed, drift))
