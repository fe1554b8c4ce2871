from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from robustmel.datasets.dataset import Dataset
from robustmel.errors import MissingError
from robustmel.training.batches import batches, steps
from robustmel.training.dual_encoder import batch_loss
from robustmel.training.dual_encoder_recipe import Augmentation, DualEncoderRecipe, LossWeights
from robustmel.training.encoder import Encoder, fresh_encoder
from robustmel.training.examples import training_data, training_texts
from robustmel.training.validation import accuracies


@pytest.fixture
def encoder(cards: Dataset, recipe: DualEncoderRecipe) -> Encoder:
    return fresh_encoder(recipe, training_texts([cards], recipe))


def test_what_cannot_train_is_counted(cards: Dataset, recipe: DualEncoderRecipe, encoder: Encoder, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    first, second, third, *rest = (one for one in cards.mentions if one.split == "train")
    changed = (replace(first, image=broken), replace(second, gold=None), replace(third, image=None), *rest)
    read = training_data([replace(cards, mentions=changed)], recipe, encoder)
    assert len(read.train) == len(changed) - 1
    assert read.remarks == {
        "images left out (image_decode)": 1,
        "training mentions without a gold entity in the knowledge base": 1,
        "mentions without an image": 1,
    }
    assert (read.train.image < 0).sum() == 2


def test_nothing_to_train_on_is_an_error(cards: Dataset, recipe: DualEncoderRecipe, encoder: Encoder) -> None:
    with pytest.raises(MissingError, match="cards"):
        training_data([cards.split("test")], recipe, encoder)


def test_an_entity_of_two_data_sets_is_one_and_equal_ids_of_others_are_not(
    cards: Dataset, recipe: DualEncoderRecipe, encoder: Encoder
) -> None:
    assert len(training_data([cards, replace(cards, name="again")], recipe, encoder).entity_rows) == 6
    from robustmel.kb import KnowledgeBase

    others = KnowledgeBase(replace(entity, name=f"other {entity.name}") for entity in cards.kb)
    assert len(training_data([cards, replace(cards, kb=others)], recipe, encoder).entity_rows) == 12


def test_an_epoch_holds_every_mention_once_in_an_order_of_its_own(
    cards: Dataset, recipe: DualEncoderRecipe, encoder: Encoder
) -> None:
    plain = replace(recipe, augmentation=Augmentation(0, 0, 0, 0, 0, 0, 0), batch_size=10)
    read = training_data([cards], plain, encoder)
    seen = [torch.cat([one.gold for one in batches(read, plain, epoch)]) for epoch in (1, 1, 2)]
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])
    assert torch.equal(seen[2].sort().values, read.train.gold.sort().values)
    assert steps(read, plain) == len(list(batches(read, plain, 1))) == 5


def test_every_mention_of_a_batch_finds_its_entity_s_text(cards: Dataset, recipe: DualEncoderRecipe, encoder: Encoder) -> None:
    read = training_data([cards], replace(recipe, names_only=0.5), encoder)
    owner = {row: entity for entity, rows in enumerate(read.entity_rows) for row in rows}
    text = {tuple(ids.tolist()): row for row, ids in enumerate(read.bank.ids)}
    for batch in batches(read, replace(recipe, names_only=0.5), 1):
        width = batch.labels["input_ids"].shape[1]
        pad = torch.full((len(batch.labels["input_ids"]), read.bank.ids.shape[1] - width), encoder.tokenizer.pad_token_id)
        rows = [text[tuple(ids.tolist())] for ids in torch.cat([batch.labels["input_ids"], pad], 1)]
        assert len(set(rows)) == len(rows)
        expected = torch.tensor([[owner[row] == gold for row in rows] for gold in batch.gold.tolist()])
        assert torch.equal(batch.same, expected)
        assert expected.any(0).all()


@pytest.mark.parametrize(
    "weights", [LossWeights(1, 0), LossWeights(0, 1), LossWeights(0, 0, 1), LossWeights(0, 0, 0, 1), LossWeights(1, 1, 1, 1)]
)
def test_each_term_trains_the_towers_that_it_reads(
    cards: Dataset, recipe: DualEncoderRecipe, encoder: Encoder, weights: LossWeights
) -> None:
    read = training_data([cards], recipe, encoder)
    loss = batch_loss(encoder, next(batches(read, recipe, 1)), weights)
    torch.autograd.backward(loss)
    image = encoder.model.vision_model.embeddings.patch_embedding.weight.grad
    text = encoder.model.text_model.embeddings.token_embedding.weight.grad
    assert (image is not None) == any((weights.image, weights.fused, weights.pair))
    assert text is not None
    assert text.abs().sum() > 0


def test_a_batch_without_images_trains_on_text(cards: Dataset, recipe: DualEncoderRecipe, encoder: Encoder) -> None:
    bare = replace(cards, mentions=tuple(replace(one, image=None) for one in cards.mentions))
    read = training_data([bare], recipe, encoder)
    loss = batch_loss(encoder, next(batches(read, recipe, 1)), LossWeights(1, 1, 1, 1))
    assert torch.isfinite(loss)
    found = accuracies(encoder, read, read.held_out)
    assert found["I2T"] == found["IT2T"] == 0.0
    assert found["T2T"] > 0.0


def test_accuracy_counts_what_is_no_candidate_as_wrong_and_shares_ties(
    cards: Dataset, recipe: DualEncoderRecipe, encoder: Encoder
) -> None:
    validation = cards.split("validation").mentions
    for listed, expected in (
        (lambda gold: (gold,), 1.0),
        (lambda gold: (), 0.0),
        (lambda gold: tuple(one for one in cards.kb.ids if one != gold), 0.0),
    ):
        read = training_data([cards], recipe, encoder, [[listed(one.gold) for one in validation]])
        assert set(accuracies(encoder, read, read.held_out).values()) == {expected}
    for parameter in encoder.model.text_projection.parameters():
        parameter.data.zero_()  # every text embeds to zero: all six candidates tie
    read = training_data([cards], recipe, encoder)
    assert accuracies(encoder, read, read.held_out)["I2T"] == pytest.approx(1 / 6)
