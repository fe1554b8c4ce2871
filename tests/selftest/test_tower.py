from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from robustmel.datasets import DATASETS
from robustmel.images import decode
from robustmel.linkers.conformance import conformance
from robustmel.selftest.fit import Fitted, write_tower
from robustmel.selftest.planted import Planted
from robustmel.selftest.tower import LinearTower
from robustmel.selftest.tower_check import TOWER


def test_the_tower_keeps_the_linkers_contract(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    fitted = Fitted(
        tuple(f"shape-{number}" for number in range(6)), 4, generator.normal(size=(6, 48)), generator.normal(size=6)
    )
    write_tower(fitted, tmp_path / "tower.safetensors")
    assert conformance(TOWER, weights=str(tmp_path / "tower.safetensors")) == []


@pytest.mark.parametrize("which", [0, 1])
def test_the_tower_scores_as_the_closed_form_says(planted: tuple[Planted, Planted], which: int) -> None:
    one = planted[which]
    loaded = DATASETS.create("jsonl", path=str(one.folder)).load()
    tower = LinearTower(loaded.kb, weights=str(one.weights))
    queries = [mention.query("x", mention.candidates or ()) for mention in loaded.mentions]
    for mention, answer, lead in zip(loaded.mentions, tower.link(queries, "I2T"), one.truth.leads[:, 0], strict=True):
        scores = dict(zip(answer.ranked, answer.scores, strict=True))
        own = scores.pop(str(mention.gold))
        assert own - max(scores.values()) == pytest.approx(lead, abs=2e-4)


def test_scores_and_logits_are_one(planted: tuple[Planted, Planted]) -> None:
    loaded = DATASETS.create("jsonl", path=str(planted[0].folder)).load()
    tower = LinearTower(loaded.kb, weights=str(planted[0].weights))
    mention = loaded.mentions[0]
    query = mention.query("x", mention.candidates or ())
    assert mention.image is not None
    pixels = torch.from_numpy(decode(mention.image)).permute(2, 0, 1)[None].float() / 255
    assert torch.allclose(tower.scores([query], "I2T"), tower.logits(pixels, [query]))
