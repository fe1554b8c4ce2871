"""Adversarial training of the image tower: each step trains on the worst images that a few gradient steps find."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from robustmel.attacks.image.ball import Ball
from robustmel.training.dual_encoder_recipe import Adversarial
from robustmel.training.encoder import Encoder
from robustmel.training.examples import Examples, TrainingData

CHUNK = 128
"""Held-out images attacked at a time, each against the texts of the others' entities."""


def adversarial_images(
    encoder: Encoder, pixels: Tensor, labels: Tensor, same: Tensor, attack: Adversarial, seed: int
) -> Tensor:
    """The images moved up the family's own loss against the entity texts, within the ball and within [0, 1].

    Projected gradient ascent from a uniform point of the ball. The model answers in evaluation mode meanwhile (no dropout,
    running statistics untouched), and no parameter gathers a gradient. Texts are embedded once and held fixed.

    Args:
        encoder: The model as it stands.
        pixels: float32 (B, 3, S, S) in [0, 1], at the model's own resolution, before it normalises.
        labels: float (U, D), unit embeddings of the entity texts.
        same: bool (B, U): which texts belong to the image's entity; every column holds at least one True.
        attack: Radius, steps and step size.
        seed: Of the starting points.

    Returns:
        float32 (B, 3, S, S), detached.

    Source:
        Mao et al., "Understanding Zero-Shot Adversarial Robustness for Large-Scale Models" (TeCoA), ICLR 2023, equation 3,
        after Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018, equation 2.1.
    """
    right, scale, bias = labels.detach(), encoder.scale.detach(), encoder.bias

    def loss(moved: Tensor) -> Tensor:
        return encoder.family.contrastive_loss(encoder.cosines(encoder.images(moved), None, right), same, scale, bias)

    return ascended(encoder, pixels, attack, seed, loss)


def ascended(encoder: Encoder, pixels: Tensor, attack: Adversarial, seed: int, loss: Callable[[Tensor], Tensor]) -> Tensor:
    """Images moved up a loss of them by projected gradient ascent from a uniform point of the ball; detached."""
    ball = Ball(pixels, attack.eps)
    generator = torch.Generator().manual_seed(seed)  # drawn on the processor: devices see the same numbers
    moved = ball.sample((torch.rand(pixels.shape, generator=generator) * 2 - 1).to(pixels.device))
    was_training = encoder.model.training
    encoder.model.eval()
    try:
        for _ in range(attack.steps):
            moved.requires_grad_()
            with torch.enable_grad():
                height = loss(moved)
            (gradient,) = torch.autograd.grad(height, moved)
            moved = ball.step(moved.detach(), gradient, attack.step_size)
    finally:
        encoder.model.train(was_training)
    return moved


def attacked(encoder: Encoder, data: TrainingData, attack: Adversarial, seed: int) -> tuple[TrainingData, Examples]:
    """The held-out mentions with their images moved as in training and rounded to 8 bits, to be measured like any others.

    Each mention gets an image of its own. Those without an image or a known gold entity stay as they are.

    Args:
        encoder: The model as it stands.
        data: What the training reads.
        attack: As in training.
        seed: Of the starting points.
    """
    mentions, images = data.held_out, data.images
    places = ((mentions.image >= 0) & (mentions.gold >= 0)).nonzero().flatten()
    image_rows = mentions.image.clone()
    image_rows[places] = torch.arange(len(places)) + len(images)
    stacked = [images]
    for rows in torch.split(places, CHUNK):
        entities, column = torch.unique(mentions.gold[rows], return_inverse=True)
        with torch.no_grad():
            rows_of_labels = torch.tensor([data.entity_rows[entity][0] for entity in entities.tolist()])
            labels = encoder.texts(data.bank.batch(rows_of_labels))
        pixels = (images[mentions.image[rows]].float() / 255).to(labels.device)
        same = (column[:, None] == torch.arange(len(entities))).to(labels.device)
        moved = adversarial_images(encoder, pixels, labels, same, attack, seed)
        stacked.append((moved * 255).round().to("cpu", torch.uint8))
    return replace(data, images=torch.cat(stacked)), replace(mentions, image=image_rows)


def step_seed(seed: int, epoch: int, step: int) -> int:
    """The seed of one step's starting points: of the recipe's seed and the step's place alone, so that a training can resume."""
    digest = hashlib.blake2b(f"adversarial\x00{seed}\x00{epoch}\x00{step}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big")
