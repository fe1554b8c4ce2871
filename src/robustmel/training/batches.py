"""Batches of an epoch, in an order and with random changes that depend on the seed and the epoch alone."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from robustmel.training.augment import augment
from robustmel.training.dual_encoder_recipe import DualEncoderRecipe
from robustmel.training.examples import TrainingData


@dataclass(frozen=True)
class Batch:
    """B mentions and U distinct entity texts.

    Args:
        pixels: float32 (V, 3, S, S) in [0, 1]: the images of the mentions that have one.
        pictured: bool (B,): which mentions those are.
        queries: Token ids (and mask) of the B query texts.
        labels: Token ids (and mask) of the U entity texts.
        same: bool (B, U): which texts belong to the mention's entity.
        gold: int64 (B,): entity indices.
    """

    pixels: Tensor
    pictured: Tensor
    queries: dict[str, Tensor]
    labels: dict[str, Tensor]
    same: Tensor
    gold: Tensor


def batches(data: TrainingData, recipe: DualEncoderRecipe, epoch: int) -> Iterator[Batch]:
    """All training mentions once, shuffled; a last batch of a single mention is left for another epoch."""
    generator = torch.Generator().manual_seed(_seed(recipe.seed, epoch))
    train = data.train
    for rows in torch.split(torch.randperm(len(train), generator=generator), recipe.batch_size):
        if len(rows) > 1 or len(train) == 1:
            yield _batch(data, recipe, rows, generator)


def steps(data: TrainingData, recipe: DualEncoderRecipe) -> int:
    """Number of batches in an epoch."""
    whole, rest = divmod(len(data.train), recipe.batch_size)
    return max(1, whole + (rest > 1))


def _batch(data: TrainingData, recipe: DualEncoderRecipe, rows: Tensor, generator: torch.Generator) -> Batch:
    train = data.train
    gold, image = train.gold[rows], train.image[rows]
    pictured = image >= 0
    pixels = data.images[image[pictured]].float() / 255
    chosen = _entity_texts(data, recipe, gold, generator)
    labels, column = torch.unique(chosen, return_inverse=True)
    same_entity = (gold[:, None] == gold[None, :]).float()
    same = torch.zeros(len(rows), len(labels)).index_add_(1, column, same_entity) > 0
    return Batch(
        augment(pixels, recipe.augmentation, generator),
        pictured,
        data.bank.batch(train.text[rows], recipe.augmentation.tokens, generator),
        data.bank.batch(labels),
        same,
        gold,
    )


def _entity_texts(data: TrainingData, recipe: DualEncoderRecipe, gold: Tensor, generator: torch.Generator) -> Tensor:
    """For each mention a text of its entity: the label mostly, else an alias or the description."""
    other = torch.rand(len(gold), generator=generator) >= recipe.names_only
    pick = torch.rand(len(gold), generator=generator)
    chosen = []
    for entity, use_other, share in zip(gold.tolist(), other.tolist(), pick.tolist(), strict=True):
        rows = data.entity_rows[entity]
        chosen.append(rows[1 + int(share * (len(rows) - 1))] if use_other and len(rows) > 1 else rows[0])
    return torch.tensor(chosen, dtype=torch.long)


def _seed(seed: int, epoch: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"batches\x00{seed}\x00{epoch}".encode(), digest_size=6).digest(), "big")
