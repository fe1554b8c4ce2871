"""What `robustmel train` says and does around the training itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from robustmel.cli.entry import run
from robustmel.run.locks import hold
from robustmel.training.recipe_files import PACKAGED, packaged_recipes, recipe_keys
from robustmel.world.mentions import SIZES


def test_the_help_lists_every_key_of_a_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "dual-encoder", "--help"]) == 0
    said = "".join(capsys.readouterr().out.split())
    assert [name for name, _ in recipe_keys() if name.replace(" ", "") not in said] == []


def test_the_packaged_recipes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "recipes"]) == 0
    listed, _, about = capsys.readouterr().out.partition("\n\n")
    assert [line.split()[0] for line in listed.splitlines()] == list(packaged_recipes())
    made_of = re.findall("--dataset ([^ :]+)", about)
    for name in packaged_recipes():
        record = json.loads((PACKAGED.parent / "checkpoints" / name / "training_recipe.json").read_text())
        own = [f"world-{name.removeprefix('gemel-')}"] if name.startswith("gemel-") else made_of
        assert record["identity"]["datasets"] == own
    assert f"{SIZES['train'] * len(made_of):,} mentions per epoch" in about


def test_two_trainings_do_not_write_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "dual-encoder", "--recipe", "clip-world", "--dataset", "world-news", "--out", str(tmp_path / "model")]
    with hold(tmp_path / ".model.lock", "model", wait=False):
        assert run(command) == 3
    assert "in use by process" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
