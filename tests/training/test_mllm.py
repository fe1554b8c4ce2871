"""A small multimodal language model is learnt: losses by hand, naming from images alone, a folder that the library loads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from robustmel.datasets.dataset import Dataset
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.architecture import Architecture
from robustmel.training.checkpoint import train
from robustmel.training.dual_encoder_recipe import Augmentation
from robustmel.training.mllm import MLLMTrainee, described
from robustmel.training.mllm_recipe import MLLMRecipe, Shares
from robustmel.types import Entity, Query

SHAPE = Architecture(image_size=24, vision_width=32, vision_depth=2, text_width=48, text_depth=2, heads=2, vocabulary=400)
STILL = Augmentation(shift=0, scale=0, brightness=0, contrast=0, hue=0, noise=0)


@pytest.mark.parametrize("family", ["llava", "qwen2.5-vl"])
def test_the_loss_is_the_librarys_own_of_each_answer(family: str, cards: Dataset) -> None:
    recipe = MLLMRecipe(family=family, architecture=SHAPE, augmentation=STILL)
    trainee = MLLMTrainee([cards], recipe)
    linker = LINKERS.load(family).around(cards.kb, trainee._family, 4)
    mentions = [mention for mention in cards.mentions if mention.split == "train"][:3]
    for task in ("I2T", "IT2T", "T2T"):
        lost, count = 0.0, 0
        for mention in mentions:
            query: Query = mention.query(cards.name, (mention.gold or "",))
            answer = linker.model.answer(cards.kb[mention.gold or ""].name)
            lost -= float(linker.scores([query], task)[0, 0])
            count += len(answer) + 1
        assert trainee.loss((task, [0, 1, 2], 0), 1, 0).item() == pytest.approx(lost / count, abs=1e-4)


def test_names_are_learnt_from_images_alone_and_stored(cards: Dataset, tmp_path: Path) -> None:
    recipe = MLLMRecipe(
        architecture=SHAPE, epochs=12, batch_size=12, learning_rate=4e-3, precision="float32", shares=Shares(1, 0, 0, 0)
    )
    result = train([cards], recipe, tmp_path / "model")
    accuracies = result.accuracies[cards.name]["validation"]
    assert accuracies["I2T"] > accuracies["I2T blanked"] + 0.3
    linker = LINKERS.create("llava", cards.kb, model=str(tmp_path / "model"), device="cpu")
    mentions = [mention for mention in cards.mentions if mention.split == "validation"]
    queries = [mention.query(cards.name, mention.candidates or cards.kb.ids) for mention in mentions]
    first = [answer.ranked[0] for answer in linker.link(queries, "I2T")]
    right = sum(entity == mention.gold for entity, mention in zip(first, mentions, strict=True))
    assert right / len(mentions) == pytest.approx(accuracies["I2T"])
    from transformers import AutoModelForImageTextToText, AutoProcessor

    assert AutoProcessor.from_pretrained(tmp_path / "model", backend="pil").image_token == "<image>"
    stored = AutoModelForImageTextToText.from_pretrained(tmp_path / "model").state_dict()
    assert all(torch.equal(value, stored[name]) for name, value in linker.model.network.state_dict().items())


def test_the_vision_tower_is_begun_with_that_of_a_dual_encoder(cards: Dataset) -> None:
    recipe = MLLMRecipe(vision="world:clip-world")
    trainee = MLLMTrainee([cards], recipe)
    clip = LINKERS.create("clip-world", KnowledgeBase(()), device="cpu").model
    own = trainee.model.state_dict()
    theirs = clip.vision_model.state_dict()
    assert theirs
    assert all(torch.equal(own[f"model.vision_tower.{name}"], value) for name, value in theirs.items())
    narrow = replace(recipe, architecture=replace(recipe.architecture, vision_width=48))
    with pytest.raises(UsageError, match="does not fit a llava of this architecture"):
        MLLMTrainee([cards], narrow)


def test_a_descriptor_names_what_the_description_names() -> None:
    entity = Entity(id="x", name="X", text="X is red. Its flag is white with a green star, and a green star.")
    assert described(entity) == "flag, white, green, star"
