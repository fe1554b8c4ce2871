from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from robustmel.registry import Component
from robustmel.run.listener import ProgressListener
from robustmel.selftest.planted import Planted, plant
from robustmel.selftest.victim_report import Runner, runner


@pytest.fixture(scope="session")
def textures(tmp_path_factory: pytest.TempPathFactory) -> Component:
    """A data set of 40 soft textures of two sizes, 12 entities, without candidates; black and white pixels are among them."""
    folder = tmp_path_factory.mktemp("textures")
    generator = np.random.default_rng(0)
    mentions = []
    for number in range(40):
        size = (21, 16) if number % 3 else (16, 16)
        coarse = Image.fromarray(generator.integers(0, 256, (4, 4, 3), dtype=np.uint8)).resize(
            size[::-1], Image.Resampling.BICUBIC
        )
        noisy = np.asarray(coarse) * 1.2 - 25 + generator.normal(0, 12, (*size, 3))
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.png")
        mentions.append(
            {"id": f"m{number}", "gold": f"e{number % 12}", "surface": f"texture {number % 12}", "image": f"{number}.png"}
        )
    (folder / "mentions.jsonl").write_text("".join(json.dumps(one) + "\n" for one in mentions))
    entities = ({"id": f"e{number}", "name": f"texture {number}"} for number in range(12))
    (folder / "entities.jsonl").write_text("".join(json.dumps(one) + "\n" for one in entities))
    return Component("jsonl", {"path": str(folder)}, "textures")


@pytest.fixture(scope="session")
def planted(textures: Component, tmp_path_factory: pytest.TempPathFactory) -> tuple[Planted, Planted]:
    """A tower over the textures, asked in lists and in pairs."""
    return plant(textures, "all", 40, tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="session")
def few(textures: Component, tmp_path_factory: pytest.TempPathFactory) -> tuple[Planted, Planted]:
    """The same of fewer textures."""
    return plant(textures, "all", 24, tmp_path_factory.mktemp("few"))


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter ladders, and a black box that asks little."""
    monkeypatch.setattr("robustmel.selftest.planted.SHARES", (0.7, 0.5, 0.3))
    monkeypatch.setattr("robustmel.selftest.fakes_check.QUERIES", 20)


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    """Runs grids in this process."""
    return runner(tmp_path, 1, ProgressListener())
