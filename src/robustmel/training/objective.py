"""The loss of a batch: the family's own loss between image, query text, their fusion, and entity text."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from robustmel.training.batches import Batch
from robustmel.training.encoder import DualEncoder
from robustmel.training.recipe import Weights


def batch_loss(encoder: DualEncoder, batch: Batch, weights: Weights) -> Tensor:
    """The weighted mean of the terms that apply; mentions without an image take part in the text term only."""
    device = encoder.model.device
    scale, bias, loss = encoder.scale, encoder.bias, encoder.family.loss
    same, pictured, gold = batch.same.to(device), batch.pictured.to(device), batch.gold.to(device)
    labels = encoder.texts(batch.labels)
    total, weight = labels.new_zeros(()), 0.0

    def add(share: float, left: Tensor, right: Tensor, belong: Tensor) -> None:
        nonlocal total, weight
        used = belong.any(0)  # a text whose only mention has no image would be a column without a right row
        total = total + share * loss(left, right[used], belong[:, used], scale, bias)
        weight += share

    needs_text = weights.text or weights.fused or weights.pair
    queries = encoder.texts(batch.queries) if needs_text else labels
    if weights.text:
        add(weights.text, queries, labels, same)
    if bool(pictured.any()) and (weights.image or weights.fused or weights.pair):
        images = encoder.images(batch.pixels.to(device))
        if weights.image:
            add(weights.image, images, labels, same[pictured])
        if weights.fused:
            add(weights.fused, normalize(images + queries[pictured], dim=-1), labels, same[pictured])
        if weights.pair:
            seen = gold[pictured]
            add(weights.pair, images, queries[pictured], seen[:, None] == seen[None, :])
    return total / max(weight, torch.finfo(total.dtype).tiny)
