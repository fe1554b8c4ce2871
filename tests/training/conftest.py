"""An easy task: striped cards of two colours, named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustmel.datasets.dataset import Dataset
from robustmel.images import write_png
from robustmel.kb import KnowledgeBase
from robustmel.linkers.architecture import Architecture
from robustmel.records.load_report import LoadReport
from robustmel.training.checkpoint import train
from robustmel.training.dual_encoder_recipe import DualEncoderRecipe
from robustmel.training.loop import Epoch
from robustmel.types import Entity, Mention

NAMES = ("amber", "basil", "coral", "denim", "ebony", "fawn")
SPLITS = ("train",) * 8 + ("validation",) * 3 + ("test",) * 3


@pytest.fixture(scope="session")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("cards")
    random = np.random.default_rng(3)
    colours = random.integers(0, 256, (len(NAMES), 2, 3))
    kb = KnowledgeBase(
        Entity(f"E{index}", name, aliases=(f"{name} stripe",), description="a striped card") for index, name in enumerate(NAMES)
    )
    mentions = []
    for index, name in enumerate(NAMES):
        for place, split in enumerate(SPLITS):
            pixels = np.repeat(colours[index], 12, axis=0)[:, None].repeat(30, axis=1) + random.normal(0, 12, (24, 30, 3))
            image = folder / f"{index}-{place}.png"
            write_png(image, pixels.clip(0, 255).astype(np.uint8))
            text = f"a card of {name} lay on table {place}"
            mentions.append(Mention(image.stem, f"E{index}", "card", text, None, image, kb.ids, split))
    return Dataset("cards", tuple(mentions), kb, LoadReport("made"))


@pytest.fixture
def recipe() -> DualEncoderRecipe:
    shape = Architecture(
        image_size=16, patch_size=8, vision_width=32, vision_depth=1, text_width=32, text_depth=1, heads=2, vocabulary=300
    )
    return DualEncoderRecipe(
        architecture=shape, epochs=3, batch_size=12, learning_rate=3e-3, text_length=24, precision="float32"
    )


def cut_and_resumed_like_whole(data: Sequence[Dataset], recipe: Any, folder: Path) -> None:
    """A training that is interrupted after its second epoch and goes on by the same call ends with the bytes of `folder / "whole"`."""

    def cut(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(data, recipe, folder / "cut", on_epoch=cut)
    train(data, recipe, folder / "cut")
    files = [{path.name: path.read_bytes() for path in (folder / name).iterdir()} for name in ("whole", "cut")]
    assert files[0] == files[1]
