"""Adversarial training that keeps embeddings: they move less under attack, clean ones stay, and the text tower is untouched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from robustmel.datasets.dataset import Dataset
from robustmel.errors import UsageError
from robustmel.training.checkpoint import train
from robustmel.training.dual_encoder_recipe import Adversarial, DualEncoderRecipe
from robustmel.training.embedding_preserving import frozen_copy, preserving_loss
from robustmel.training.encoder import fresh_encoder

ATTACK = Adversarial(eps=16 / 255, steps=3, step_size=8 / 255, aim="embedding")


def test_embeddings_drift_less_and_the_original_stays(recipe: DualEncoderRecipe) -> None:
    encoder = fresh_encoder(recipe, ["amber", "basil"])
    pixels = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    original = frozen_copy(encoder)
    with torch.no_grad():
        kept = encoder.images(pixels).clone()
        noise = (torch.rand(pixels.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1) * ATTACK.eps
        by_chance = (encoder.images((pixels + noise).clamp(0, 1)) - kept).square().sum(-1).mean()
    before = preserving_loss(encoder, original, pixels, ATTACK, 0)
    assert before > 1.5 * by_chance > 0
    optimizer = torch.optim.AdamW(encoder.model.parameters(), lr=1e-3)
    for step in range(40):
        optimizer.zero_grad()
        torch.autograd.backward(preserving_loss(encoder, original, pixels, ATTACK, step))
        optimizer.step()
    assert preserving_loss(encoder, original, pixels, ATTACK, 99) < before / 2
    with torch.no_grad():
        assert torch.equal(original.images(pixels), kept)
        assert (encoder.images(pixels) * kept).sum(-1).min() > 0.9


def test_a_fine_tuning_leaves_the_text_tower_alone(cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path) -> None:
    plain = replace(recipe, epochs=1, precision="float32")
    train([cards], plain, tmp_path / "base")
    train([cards], replace(plain, base=str(tmp_path / "base"), adversarial=ATTACK), tmp_path / "kept")
    before, after = (load_file(tmp_path / name / "model.safetensors") for name in ("base", "kept"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith(("vision_model.", "visual_projection.")) for name in changed)


def test_it_needs_a_base_and_a_plain_recipe_is_what_it_was() -> None:
    with pytest.raises(UsageError, match="base must be given where adversarial.aim is embedding"):
        DualEncoderRecipe(adversarial=ATTACK)
    with pytest.raises(UsageError, match="aim"):
        Adversarial(eps=0.1, aim="vectors")
    assert "aim" not in DualEncoderRecipe(adversarial=Adversarial(eps=0.1)).to_dict()["adversarial"]
    assert DualEncoderRecipe(base="b", adversarial=ATTACK).to_dict()["adversarial"]["aim"] == "embedding"
