"""A dual encoder as a trainee: contrastive training of both towers, adversarial where the recipe asks for it."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from robustmel.datasets.dataset import Dataset
from robustmel.linkers.texts import query_text
from robustmel.training.adversarial import adversarial_images, attacked, step_seed
from robustmel.training.batches import Batch, batches, steps
from robustmel.training.consistency import consistency_loss
from robustmel.training.digests import tokenizer_digest
from robustmel.training.dual_encoder_recipe import Consistency, DualEncoderRecipe, LossWeights
from robustmel.training.embedding_preserving import frozen_copy, preserving_loss
from robustmel.training.encoder import Encoder, fresh_encoder, loaded_encoder
from robustmel.training.examples import TrainingData, training_data, training_texts
from robustmel.training.text_augmentation import edited_queries
from robustmel.training.trainee import CandidateLists
from robustmel.training.validation import accuracies

Hardening = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Images, entity texts' embeddings and which belong together -> the images to train on; see `adversarial.adversarial_images`."""

ATTACKED = "I2T attacked"
"""Accuracy of I2T on validation images attacked as in training."""


class DualEncoderTrainee:
    """The `Trainee` of a dual encoder."""

    def __init__(self, encoder: Encoder, data: TrainingData, recipe: DualEncoderRecipe) -> None:
        self.encoder, self.data, self.recipe = encoder, data, recipe
        self._original = frozen_copy(encoder) if recipe.preserving else None
        self.remarks = data.remarks
        if recipe.consistency.on:
            self.remarks["training mentions alone of their entity, whose second view is made"] = int(
                (data.train.gold.bincount() == 1).sum()
            )
        weights = hashlib.blake2b(digest_size=16)
        for name, value in encoder.model.state_dict().items() if recipe.base else ():
            weights.update(name.encode() + value.contiguous().numpy().tobytes())
        self.digests = {
            "data": data.digest,
            "start": weights.hexdigest() if recipe.base else "",
            "tokenizer": tokenizer_digest(encoder.tokenizer),
        }

    @classmethod
    def prepare(
        cls, datasets: Sequence[Dataset], recipe: DualEncoderRecipe, candidates: CandidateLists | None
    ) -> DualEncoderTrainee:
        """Both towers as their family makes or loads them, and the data as they read it."""
        if recipe.base is None:
            encoder = fresh_encoder(recipe, training_texts(datasets, recipe))
        else:
            encoder = loaded_encoder(recipe, recipe.base)
        return cls(encoder, training_data(datasets, recipe, encoder, candidates), recipe)

    @property
    def model(self) -> Any:
        """Both towers."""
        return self.encoder.model

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return steps(self.data, self.recipe)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Shuffled and augmented anew in every epoch."""
        return batches(self._with_edited_texts(epoch), self.recipe, epoch)

    def loss(self, batch: Batch, epoch: int, step: int) -> Tensor:
        """The family's own loss, on adversarial images in adversarial training; or how far embeddings drift, where they shall not."""
        attack, harden = self.recipe.adversarial, None
        if attack.eps:
            seed = step_seed(self.recipe.seed, epoch, step)
            if self._original is not None:
                pixels = batch.pixels.to(self.encoder.model.device)
                return (
                    preserving_loss(self.encoder, self._original, pixels, attack, seed)
                    if len(pixels)
                    else self.encoder.scale * 0
                )
            harden = functools.partial(adversarial_images, self.encoder, attack=attack, seed=seed)
        return batch_loss(self.encoder, batch, self.recipe.weights, harden, self.recipe.consistency)

    def _with_edited_texts(self, epoch: int) -> TrainingData:
        """The data, some training texts edited where the recipe asks for it."""
        data, how = self.data, self.recipe.text_augmentation
        if not how.share:
            return data
        edited = edited_queries(data.queries, how, self.recipe.seed, epoch)
        texts = {place: query_text(query, self.recipe.query_text) for place, query in edited.items()}
        bank = data.bank.joined(self.encoder.bank([text for text in texts.values() if text not in data.bank.row]))
        rows = data.train.text.clone()
        rows[list(texts)] = bank.rows(texts.values())
        return replace(data, bank=bank, train=replace(data.train, text=rows))

    def validate(self) -> dict[str, float]:
        """Accuracy per task; in adversarial training also that of I2T on images attacked as in training."""
        scores, attack = accuracies(self.encoder, self.data, self.data.held_out), self.recipe.adversarial
        if scores and attack.eps:
            scores[ATTACKED] = accuracies(self.encoder, *attacked(self.encoder, self.data, attack, self.recipe.seed))["I2T"]
        return scores

    def merit(self, validation: Mapping[str, float]) -> float:
        """I2T + IT2T, in adversarial training with I2T under attack added."""
        return validation["I2T"] + validation["IT2T"] + validation.get(ATTACKED, 0.0)

    def publish(self, folder: Path) -> None:
        """A folder in the Hugging Face layout."""
        self.encoder.publish(folder, self.recipe.precision)

    def measure(
        self, folder: Path, dataset: Dataset, split: str, candidates: Sequence[tuple[str, ...]] | None
    ) -> dict[str, float]:
        """Accuracy per task of the weights as stored."""
        return measure(folder, dataset, self.recipe, split, candidates)


def measure(
    folder: Path,
    dataset: Dataset,
    recipe: DualEncoderRecipe,
    split: str = "test",
    candidates: Sequence[tuple[str, ...]] | None = None,
) -> dict[str, float]:
    """Accuracy per task of a published folder on one split of a data set; {} where it has no mention of that split."""
    encoder = loaded_encoder(recipe, str(folder))
    lists = None if candidates is None else [candidates]
    data = training_data([dataset], recipe, encoder, lists, held_out=split, training=False)
    return accuracies(encoder, data, data.held_out)


def batch_loss(
    encoder: Encoder,
    batch: Batch,
    weights: LossWeights,
    harden: Hardening | None = None,
    consistency: Consistency = Consistency(),  # noqa: B008 - frozen
) -> Tensor:
    """The weighted mean of the terms that apply, and what consistency adds; mentions without an image take part in the text terms only."""
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

    needs_text = weights.text or weights.fused or weights.pair or consistency.on
    queries = encoder.texts(batch.queries) if needs_text else labels
    if weights.text:
        add(weights.text, encoder.cosines(None, queries, labels), same)
    if bool(pictured.any()) and (weights.image or weights.fused or weights.pair):
        pixels = batch.pixels.to(device)
        if harden is not None:
            seen_texts = same[pictured]
            occurring = seen_texts.any(0)
            pixels = harden(pixels, labels[occurring], seen_texts[:, occurring])
        images = encoder.images(pixels)
        if weights.image:
            add(weights.image, encoder.cosines(images, None, labels), same[pictured])
        if weights.fused:
            add(weights.fused, encoder.cosines(images, queries[pictured], labels), same[pictured])
        if weights.pair:
            seen = gold[pictured]
            add(weights.pair, encoder.cosines(images, None, queries[pictured]), seen[:, None] == seen[None, :])
    mean = total / max(weight, torch.finfo(total.dtype).tiny)
    return mean + consistency_loss(encoder, batch, queries, labels, consistency) if consistency.on else mean
