from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from robustmel.datasets.dataset import Dataset
from robustmel.errors import MissingError, UsageError
from robustmel.training.checkpoint import train
from robustmel.training.dual_encoder import measure
from robustmel.training.dual_encoder_recipe import DualEncoderRecipe
from robustmel.training.encoder import fresh_encoder, loaded_encoder
from robustmel.training.examples import training_data
from robustmel.training.loop import Epoch

FAMILIES = ("align", "blip", "blip2", "clip", "flava", "owlvit", "siglip")


class CutError(Exception):
    """Stands for a kill right after an epoch's state was written."""


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_resumed_training_ends_with_the_same_weights(
    cards: Dataset, recipe: DualEncoderRecipe, family: str, tmp_path: Path
) -> None:
    recipe = replace(recipe, family=family)
    whole = train([cards], recipe, tmp_path / "whole")

    def cut(epoch: Epoch) -> None:
        if epoch.number < 3:
            raise CutError

    for _ in range(2):
        torch.manual_seed(99)  # whatever else the process did with the global generator
        with pytest.raises(CutError):
            train([cards], recipe, tmp_path / "cut", on_epoch=cut)
    resumed = train([cards], recipe, tmp_path / "cut", on_epoch=cut)
    first, second = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert [one["loss"] for one in resumed.history] == [one["loss"] for one in whole.history]
    assert resumed.best_epoch == whole.best_epoch


def test_every_step_is_told_and_a_stop_between_two_changes_nothing(
    cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path
) -> None:
    recipe, told = replace(recipe, epochs=2), []

    def step(done: int, of: int) -> None:
        told.append((done, of))
        if told == [(number + 1, of) for number in range(of - 1)]:
            raise CutError

    train([cards], recipe, tmp_path / "whole")
    with pytest.raises(CutError):
        train([cards], recipe, tmp_path / "cut", on_step=step)
    steps = told[0][1]
    train([cards], recipe, tmp_path / "cut", on_step=step)
    assert told == [(done, steps) for done in (*range(1, steps), *range(steps // 2 + 1, steps + 1))]
    first, second = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_another_seed_gives_other_weights_and_the_global_generator_is_left_alone(
    cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path
) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train([cards], replace(recipe, epochs=1), tmp_path / "0")
    assert torch.equal(torch.rand(3), expected)
    train([cards], replace(recipe, epochs=1, seed=1), tmp_path / "1")
    name = "vision_model.embeddings.patch_embedding.weight"
    assert not torch.equal(weights(tmp_path / "0")[name], weights(tmp_path / "1")[name])


@pytest.mark.parametrize("family", FAMILIES)
def test_an_easy_task_is_learnt(cards: Dataset, recipe: DualEncoderRecipe, family: str, tmp_path: Path) -> None:
    result = train([cards], replace(recipe, family=family, epochs=25), tmp_path / "out")
    assert result.accuracies["cards"]["test"]["IT2T"] > 0.6  # chance is 1 / 6; 18 test mentions
    assert result.accuracies["cards"]["test"]["I2T"] > 0.5


@pytest.mark.parametrize("family", [one for one in FAMILIES if not one.startswith("blip")])  # see test_blip_families
def test_the_published_folder_is_what_the_library_loads(
    cards: Dataset, recipe: DualEncoderRecipe, family: str, tmp_path: Path
) -> None:
    recipe = replace(recipe, family=family, epochs=1, precision="float16")
    result = train([cards], recipe, tmp_path / "out")
    stored = weights(tmp_path / "out")
    model = AutoModel.from_pretrained(tmp_path / "out")
    assert {stored[name].dtype for name, _ in model.named_parameters()} == {torch.float16}
    assert model.config.model_type == family
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    processor = AutoImageProcessor.from_pretrained(tmp_path / "out", backend="pil")

    ours = loaded_encoder(recipe, str(tmp_path / "out"))
    mention = cards.mentions[0]
    assert mention.image is not None
    image = Image.open(mention.image)
    tokens = tokenizer(["a photo of amber"], padding="max_length", return_tensors="pt")
    with torch.inference_mode():
        for theirs, mine in (
            (
                model.get_image_features(**processor(image, return_tensors="pt")),
                ours.images(ours.resized(np.asarray(image))[None] / 255),
            ),
            (model.get_text_features(**tokens), ours.texts(ours.bank(["a photo of amber"]).batch(torch.tensor([0])))),
        ):
            pooled = theirs.pooler_output[:, 0] if family == "flava" else theirs.pooler_output
            torch.testing.assert_close(torch.nn.functional.normalize(pooled, dim=-1), mine, atol=1e-5, rtol=0)
    assert result.accuracies["cards"]["validation"] == measure(tmp_path / "out", cards, recipe, "validation")
    assert str(tmp_path) not in "".join(path.read_text() for path in (tmp_path / "out").glob("*.json"))


@pytest.mark.parametrize("family", FAMILIES)
def test_training_sees_the_pixels_that_the_processor_gives(cards: Dataset, recipe: DualEncoderRecipe, family: str) -> None:
    encoder = fresh_encoder(replace(recipe, family=family), ["a"])
    mention = cards.mentions[0]
    assert mention.image is not None
    image = Image.open(mention.image)
    filtered = Image.Resampling.BILINEAR if family == "align" else Image.Resampling.BICUBIC
    expected = image.resize((16, 16), filtered)  # nothing is cropped
    assert np.array_equal(encoder.resized(np.asarray(image)).permute(1, 2, 0).numpy(), np.asarray(expected))


def test_a_finished_training_is_not_repeated_and_its_state_is_gone(
    cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path
) -> None:
    first = train([cards], recipe, tmp_path)
    epochs: list[Epoch] = []
    again = train([cards], recipe, tmp_path, on_epoch=epochs.append)
    assert epochs == []
    assert again == first
    assert not list(tmp_path.glob("*state*"))


def test_a_folder_with_another_training_is_refused(cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path) -> None:
    def cut(epoch: Epoch) -> None:
        raise CutError

    with pytest.raises(CutError):
        train([cards], recipe, tmp_path, on_epoch=cut)
    for finished in (False, True):
        if finished:
            train([cards], recipe, tmp_path)
        with pytest.raises(UsageError, match="another recipe"):
            train([cards], replace(recipe, seed=7), tmp_path)
        with pytest.raises(UsageError, match="other data"):
            train([replace(cards, mentions=cards.mentions[1:])], recipe, tmp_path)


def test_a_checkpoint_is_fine_tuned_with_its_own_tokenizer(cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path) -> None:
    train([cards], recipe, tmp_path / "base")
    tuned = replace(recipe, base=str(tmp_path / "base"), epochs=1, learning_rate=1e-6, warm_up=0.0)
    train([cards], tuned, tmp_path / "tuned")
    before, after = weights(tmp_path / "base"), weights(tmp_path / "tuned")
    moved = max(float((before[name] - after[name]).abs().max()) for name in before)
    assert 0 < moved < 1e-4
    tokenizers = [json.loads((tmp_path / name / "tokenizer.json").read_text()) for name in ("base", "tuned")]
    assert tokenizers[0]["model"] == tokenizers[1]["model"]
    with pytest.raises(UsageError, match="is a clip model"):
        train([cards], replace(tuned, family="siglip"), tmp_path / "wrong")
    with pytest.raises(MissingError):
        train([cards], replace(tuned, base=str(tmp_path / "nowhere")), tmp_path / "wrong")


def test_training_ends_when_validation_no_longer_gains(cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path) -> None:
    result = train([cards], replace(recipe, epochs=30, patience=2, learning_rate=1e-9), tmp_path)
    assert result.epochs == result.best_epoch + 2 < 30


def test_a_loss_that_is_no_number_ends_with_a_sentence(cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="learning_rate"):
        train([cards], replace(recipe, learning_rate=1e30, warm_up=0.0), tmp_path)


def test_given_candidates_replace_the_mentions_own(cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path) -> None:
    validation = cards.split("validation").mentions
    encoder = fresh_encoder(recipe, ["a"])
    alone = training_data([cards], recipe, encoder, [[(one.gold or "",) for one in validation]])
    assert all(listed == (gold,) for listed, gold in zip(alone.held_out.candidates, alone.held_out.gold.tolist(), strict=True))
    with pytest.raises(UsageError, match="one each"):
        training_data([cards], recipe, encoder, [[("E0",)]])
