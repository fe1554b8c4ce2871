"""The loss of a batch: the family's own loss between image, query text, their fusion, and entity text."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from robustmel.training.batches import Batch
from robustmel.training.encoder import Encoder
from robustmel.training.recipe import LossWeights

Hardening = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Images, entity texts' embeddings and which belong together -> the images to train on; see `adversarial.hardened`."""


def batch_loss(encoder: Encoder, batch: Batch, weights: LossWeights, harden: Hardening | None = None) -> Tensor:
    """The weighted mean of the terms that apply; mentions without an image take part in the text term only.

    Args:
        encoder: The model.
        batch: The mentions.
        weights: Of the terms.
        harden: What is done to the images first, in adversarial training.
    """
    device = encoder.model.device
    scale, bias, loss = encoder.scale, encoder.bias, encoder.family.contrastive_loss
    same, pictured, gold = batch.same.to(device), batch.pictured.to(device), batch.gold.to(device)
    labels = encoder.texts(batch.labels)
    total, weight = labels.new_zeros(()), 0.0

    def add(share: float, cosines: Tensor, belong: Tensor) -> None:
        nonlocal total, weight
        used = belong.any(0)  # a text whose only mention has no image would be a column without a right row
        total = total + share * loss(cosines[:, used], belong[:, used], scale, bias)
        weight += share

    needs_text = weights.text or weights.fused or weights.pair
    queries = encoder.texts(batch.queries) if needs_text else labels
    if weights.text:
        add(weights.text, encoder.cosines(None, queries, labels), same)
    if bool(pictured.any()) and (weights.image or weights.fused or weights.pair):
        pixels = batch.pixels.to(device)
        if harden is not None:
            seen_texts = same[pictured]
            shown = seen_texts.any(0)
            pixels = harden(pixels, labels[shown], seen_texts[:, shown])
        images = encoder.images(pixels)
        if weights.image:
            add(weights.image, encoder.cosines(images, None, labels), same[pictured])
        if weights.fused:
            add(weights.fused, encoder.cosines(images, queries[pictured], labels), same[pictured])
        if weights.pair:
            seen = gold[pictured]
            add(weights.pair, encoder.cosines(images, None, queries[pictured]), seen[:, None] == seen[None, :])
    return total / max(weight, torch.finfo(total.dtype).tiny)
