"""What BLIP and BLIP-2 publish: retrieval models that the library loads whole, with the trained temperature in the configuration."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from robustmel.datasets.dataset import Dataset
from robustmel.linkers import LINKERS
from robustmel.training.checkpoint import train
from robustmel.training.dual_encoder import measure
from robustmel.training.dual_encoder_recipe import DualEncoderRecipe
from robustmel.training.encoder import fresh_encoder, loaded_encoder

CLASSES = {"blip": "BlipForImageTextRetrieval", "blip2": "Blip2ForImageTextRetrieval"}


def contrastive(family: str, model: Any, inputs: dict[str, torch.Tensor]) -> float:
    """The library's own score of an image and a text."""
    with torch.inference_mode():
        if family == "blip":
            return float(model(**inputs, use_itm_head=False).itm_score)
        return float(model(**inputs).logits_per_image)


@pytest.mark.parametrize("family", CLASSES)
def test_the_published_folder_is_what_the_library_loads_whole(
    cards: Dataset, recipe: DualEncoderRecipe, family: str, tmp_path: Path
) -> None:
    recipe = replace(recipe, family=family, epochs=1, precision="float16")
    result = train([cards], recipe, tmp_path / "out")
    model, report = getattr(transformers, CLASSES[family]).from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not any(report.values()), report
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    processor = transformers.AutoImageProcessor.from_pretrained(tmp_path / "out", backend="pil")

    ours = loaded_encoder(recipe, str(tmp_path / "out"))
    mention = cards.mentions[0]
    assert mention.image is not None
    image = Image.open(mention.image)
    inputs = dict(tokenizer("a photo of amber", return_tensors="pt")) | dict(processor(image, return_tensors="pt"))
    ours.model.eval()
    with torch.inference_mode():
        seen = ours.images(ours.resized(np.asarray(image))[None] / 255)
        cosine = ours.cosines(seen, None, ours.texts(ours.bank(["a photo of amber"]).batch(torch.tensor([0]))))
    assert contrastive(family, model, inputs) == pytest.approx(float(cosine), abs=1e-5)
    assert result.accuracies["cards"]["validation"] == measure(tmp_path / "out", cards, recipe, "validation")
    assert str(tmp_path) not in "".join(path.read_text() for path in (tmp_path / "out").glob("*.json"))


@pytest.mark.parametrize("family", CLASSES)
def test_the_trained_temperature_is_published_and_trained_on(
    cards: Dataset, recipe: DualEncoderRecipe, family: str, tmp_path: Path
) -> None:
    recipe = replace(recipe, family=family)
    encoder = fresh_encoder(recipe, ["a"])
    assert encoder.scale.item() == pytest.approx(1 / 0.07, rel=1e-4)
    with torch.no_grad():
        encoder.model.logit_scale.fill_(math.log(31))
    encoder.publish(tmp_path, "float32")
    assert LINKERS.create(family, cards.kb, model=str(tmp_path), device="cpu").logit_scale == pytest.approx(31)
    again = loaded_encoder(recipe, str(tmp_path))
    assert again.scale.item() == pytest.approx(31)
    assert again.model.logit_scale.requires_grad
    cosines = torch.tensor([[0.9, 0.1], [0.2, 0.3]])
    again.family.contrastive_loss(cosines, torch.eye(2, dtype=torch.bool), again.scale, None).backward()
    assert again.model.logit_scale.grad is not None
    assert again.model.logit_scale.grad != 0


@pytest.mark.parametrize("family", CLASSES)
def test_the_linker_links_as_the_training_measured(
    cards: Dataset, recipe: DualEncoderRecipe, family: str, tmp_path: Path
) -> None:
    recipe = replace(recipe, family=family, epochs=8)
    result = train([cards], recipe, tmp_path / "out")
    linker = LINKERS.create(family, cards.kb, model=str(tmp_path / "out"), device="cpu")
    asked = [one for one in cards.mentions if one.split == "test"]
    for task, measured in result.accuracies["cards"]["test"].items():
        found = linker.link([one.query("cards", cards.kb.ids) for one in asked], task)
        right = sum(one.ranked[0] == mention.gold for one, mention in zip(found, asked, strict=True)) / len(asked)
        assert right == pytest.approx(measured), task


def test_blip2_s_query_vectors_begin_and_stay_apart(cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path) -> None:
    recipe = replace(recipe, family="blip2", epochs=2)
    train([cards], recipe, tmp_path / "out")
    for encoder in (fresh_encoder(recipe, ["a"]), loaded_encoder(recipe, str(tmp_path / "out"))):
        with torch.inference_mode():
            vectors = encoder.images(torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)))[0]
        between = vectors @ vectors.T - 2 * torch.eye(len(vectors))
        assert between.max() < 0.999


@pytest.mark.parametrize("family", CLASSES)
def test_a_fresh_image_tower_has_gradients(cards: Dataset, recipe: DualEncoderRecipe, family: str) -> None:
    """The library's own deviation for these towers is 1e-10: an image would begin as nothing, and attacks find no way."""
    encoder = fresh_encoder(replace(recipe, family=family), ["a"])
    pixels = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0), requires_grad=True)
    target = torch.randn(1, 64, generator=torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad(encoder.cosines(encoder.images(pixels), None, target).sum(), pixels)
    assert gradient.abs().sum() > 1e-2
