"""Batches of an epoch, in an order and with random changes that depend on the seed and the epoch alone."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from robustmel.training.dual_encoder_recipe import Augmentation, DualEncoderRecipe
from robustmel.training.examples import TrainingData

GREY = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a pixel's brightness (ITU-R BT.601)."""


def augment(pixels: Tensor, strength: Augmentation, generator: torch.Generator) -> Tensor:
    """Shifts, scales, recolours and roughens each image on its own.

    Args:
        pixels: float32 (B, 3, H, W) in [0, 1].
        strength: Largest changes; what is 0 is left alone.
        generator: The only source of randomness.

    Returns:
        float32 (B, 3, H, W) in [0, 1].
    """
    count = pixels.shape[0]
    if count == 0:
        return pixels

    def uniform(largest: float, *shape: int) -> Tensor:
        return (torch.rand(count, *shape, generator=generator) * 2 - 1) * largest

    if strength.shift or strength.scale:
        warp = torch.zeros(count, 2, 3)
        warp[:, 0, 0] = 1 + uniform(strength.scale)
        warp[:, 1, 1] = 1 + uniform(strength.scale)
        warp[:, :, 2] = uniform(2 * strength.shift, 2)  # the grid runs from -1 to 1
        grid = functional.affine_grid(warp, list(pixels.shape), align_corners=False)
        pixels = functional.grid_sample(pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    if strength.hue:
        pixels = torch.einsum("bij,bjhw->bihw", _hue_rotations(uniform(strength.hue * 2 * math.pi)), pixels)
    if strength.contrast:
        mean = pixels.mean((1, 2, 3), keepdim=True)
        pixels = mean + (pixels - mean) * (1 + uniform(strength.contrast, 1, 1, 1))
    if strength.brightness:
        pixels = pixels * (1 + uniform(strength.brightness, 1, 1, 1))
    if strength.noise:
        deviation = uniform(strength.noise, 1, 1, 1).abs()
        pixels = pixels + deviation * torch.randn(pixels.shape, generator=generator)
    return pixels.clamp(0, 1)


def _hue_rotations(angles: Tensor) -> Tensor:
    """(B, 3, 3) matrices that turn the chroma plane around the grey axis and keep brightness."""
    grey = torch.tensor(GREY)
    to_yiq = torch.stack([grey, torch.tensor([0.596, -0.274, -0.322]), torch.tensor([0.211, -0.523, 0.312])])
    turn = torch.zeros(len(angles), 3, 3)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = angles.cos()
    turn[:, 1, 2], turn[:, 2, 1] = -angles.sin(), angles.sin()
    rotations: Tensor = torch.linalg.inv(to_yiq) @ turn @ to_yiq
    return rotations


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
        alone: bool (B,): which mentions are the only ones of their entity here.
        made_views: Token ids (and mask) of a second view of those, in consistency training.
    """

    pixels: Tensor
    pictured: Tensor
    queries: dict[str, Tensor]
    labels: dict[str, Tensor]
    same: Tensor
    gold: Tensor
    alone: Tensor
    made_views: dict[str, Tensor] | None = None


def batches(data: TrainingData, recipe: DualEncoderRecipe, epoch: int) -> Iterator[Batch]:
    """All training mentions once, shuffled; a last batch of a single mention is left for another epoch."""
    seed = hashlib.blake2b(f"batches\x00{recipe.seed}\x00{epoch}".encode(), digest_size=6).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(seed, "big"))
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
    pixels = augment(pixels, recipe.augmentation, generator)
    queries = data.bank.batch(train.text[rows], recipe.augmentation.tokens, generator)
    alone = same_entity.sum(1) == 1
    views = None
    if recipe.consistency.on and bool(alone.any()):
        views = data.bank.batch(train.text[rows[alone]], recipe.consistency.drop, generator)
    return Batch(pixels, pictured, queries, data.bank.batch(labels), same, gold, alone, views)


def _entity_texts(data: TrainingData, recipe: DualEncoderRecipe, gold: Tensor, generator: torch.Generator) -> Tensor:
    """For each mention a text of its entity: the label mostly, else an alias or the description."""
    other = torch.rand(len(gold), generator=generator) >= recipe.names_only
    pick = torch.rand(len(gold), generator=generator)
    chosen = []
    for entity, use_other, share in zip(gold.tolist(), other.tolist(), pick.tolist(), strict=True):
        rows = data.entity_rows[entity]
        chosen.append(rows[1 + int(share * (len(rows) - 1))] if use_other and len(rows) > 1 else rows[0])
    return torch.tensor(chosen, dtype=torch.long)
