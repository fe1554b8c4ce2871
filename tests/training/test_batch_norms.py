"""Batch norms: what a training leaves in them must hold for images that it has not seen, at any batch size."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from robustmel.datasets.dataset import Dataset
from robustmel.errors import UsageError
from robustmel.training.checkpoint import train
from robustmel.training.dual_encoder_recipe import DualEncoderRecipe
from robustmel.training.encoder import Encoder, fresh_encoder, loaded_encoder
from robustmel.training.examples import training_data

STEM = "vision_model.embeddings.batchnorm"


@pytest.fixture
def align(recipe: DualEncoderRecipe) -> DualEncoderRecipe:
    return replace(recipe, family="align")


def statistics_of(encoder: Encoder, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance that the first batch norm is to hold, from the weights before it."""
    with torch.inference_mode():
        stem = encoder.model.vision_model.embeddings
        mapped = stem.convolution(stem.padding(encoder.preprocessing.normalised(pixels)))
    return mapped.mean((0, 2, 3)), mapped.var((0, 2, 3))


def test_published_statistics_are_those_of_the_training_images(
    cards: Dataset, align: DualEncoderRecipe, tmp_path: Path
) -> None:
    recipe = replace(align, epochs=12, learning_rate=1e-4, precision="float16")
    recipe = replace(recipe, augmentation=replace(recipe.augmentation, shift=0.0, scale=0.0, hue=0.0, noise=0.0, contrast=0.0))
    train([cards], recipe, tmp_path / "out")
    stored = load_file(tmp_path / "out" / "model.safetensors")
    assert {value.dtype for name, value in stored.items() if "running" in name} == {torch.float32}
    encoder = loaded_encoder(recipe, str(tmp_path / "out"))
    seen = training_data([cards], recipe, encoder)
    mean, variance = statistics_of(encoder, seen.images[seen.train.image] / 255)
    spread = variance.sqrt()
    assert ((stored[f"{STEM}.running_mean"] - mean).abs() / spread).max() < 0.5
    ratio = stored[f"{STEM}.running_var"] / variance
    assert 0.5 < ratio.min() < ratio.max() < 2


def test_fine_tuning_does_not_leave_the_statistics_of_the_last_batch(
    cards: Dataset, align: DualEncoderRecipe, tmp_path: Path
) -> None:
    train([cards], align, tmp_path / "base")
    config = json.loads((tmp_path / "base" / "config.json").read_text())
    config["vision_config"]["batch_norm_momentum"] = 0.99  # as published
    (tmp_path / "base" / "config.json").write_text(json.dumps(config))
    tuned = replace(align, base=str(tmp_path / "base"), epochs=1, learning_rate=1e-7)
    train([cards], tuned, tmp_path / "tuned")
    before, after = (load_file(tmp_path / one / "model.safetensors")[f"{STEM}.running_var"] for one in ("base", "tuned"))
    assert not torch.equal(before, after)
    torch.testing.assert_close(after, before, rtol=0.1, atol=0)
    assert json.loads((tmp_path / "tuned" / "config.json").read_text())["vision_config"]["batch_norm_momentum"] == 0.99


@pytest.mark.parametrize("change", [{"patch_size": 2}, {"patch_size": 6, "image_size": 18}, {"vision_width": 40}])
def test_a_shape_that_does_not_halve_is_refused(align: DualEncoderRecipe, change: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="a multiple of"):
        fresh_encoder(replace(align, architecture=replace(align.architecture, **change)), ["a"])


def test_the_last_map_has_one_place_a_patch_and_the_width_asked_for(align: DualEncoderRecipe) -> None:
    for patch in (4, 8, 16):
        shape = replace(align.architecture, image_size=64, patch_size=patch, vision_width=64, vision_depth=2)
        model = fresh_encoder(replace(align, architecture=shape), ["a"]).model.eval()
        with torch.inference_mode():
            assert model.vision_model(torch.zeros(1, 3, 64, 64)).last_hidden_state.shape == (1, 64, 64 // patch, 64 // patch)
