from __future__ import annotations

import json
import shlex
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from robustmel.datasets.dataset import Dataset
from robustmel.training.card import shown_source
from robustmel.training.checkpoint import train
from robustmel.training.dual_encoder_recipe import DualEncoderRecipe


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({}, None),
        ({"path": "data/cards"}, {"path": "data/cards"}),
        ({"path": "/home/somebody/private/cards"}, {"path": "cards"}),
        ({"path": "~/private/cards"}, {"path": "cards"}),
        ({"path": "C:\\Users\\somebody\\cards"}, {"path": "cards"}),
        ({"path": "d", "fields": {"mentions.id": "key", "gold": 'a "b"'}, "flag": True, "n": [1, 2.5]}, None),
    ],
)
def test_the_table_reads_back_and_names_no_place(given: dict[str, Any], shown: dict[str, Any] | None) -> None:
    text = shown_source("jsonl", given)
    if not given:
        assert text == "jsonl"
        return
    assert tomllib.loads(f"x = {text}")["x"] == {"name": "jsonl", **(given if shown is None else shown)}


def test_paths_below_the_working_directory_become_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown_source("jsonl", {"path": tmp_path / "data" / "cards"}) == '{name = "jsonl", path = "data/cards"}'


def test_the_card_says_how_the_data_were_asked_for(cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path) -> None:
    source = shown_source("jsonl", {"path": "/home/somebody/cards"})
    train([cards], replace(recipe, epochs=1), tmp_path / "base", sources=[source])
    made = next(line for line in (tmp_path / "base" / "README.md").read_text().splitlines() if "robustmel train" in line)
    assert shlex.split(made)[3:5] == ["--dataset", '{name = "jsonl", path = "cards"}']
    record = json.loads((tmp_path / "base" / "training_recipe.json").read_text())
    assert record["sources"] == [source]
    assert record["identity"]["datasets"] == ["cards"]

    tuned = replace(recipe, epochs=1, base=str(tmp_path / "base"))
    hard = replace(tuned, adversarial=replace(recipe.adversarial, eps=2 / 255, steps=1))
    train([cards], hard, tmp_path / "tuned")
    card = (tmp_path / "tuned" / "README.md").read_text()
    assert "fine-tuned from base" in card
    assert "adversarially: on the worst images that 1 step found within 2/255 of a pixel" in " ".join(card.split())
    assert str(tmp_path) not in card
