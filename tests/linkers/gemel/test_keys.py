"""Keys of GEMEL depend on what its files hold, not on where they lie."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from robustmel.linkers import LINKERS
from robustmel.linkers.gemel.checkpoint import read_settings
from robustmel.linkers.weights import EMBEDDED
from robustmel.registry import Component
from robustmel.run.builder import Builder
from robustmel.run.components import component_spec
from robustmel.run.expand import expand
from robustmel.run.grid import parse_grid
from robustmel.run.keys import content_key
from robustmel.run.store import Store


def key(model: Path, **parameters: Any) -> str:
    problems: list[str] = []
    spec = component_spec(LINKERS, Component("gemel", {"model": str(model)} | parameters), problems)
    assert problems == []
    assert spec is not None
    return content_key(spec.identity)


@pytest.fixture
def moved(gemel_folder: Path, opt_folder: Path, tmp_path: Path) -> Path:
    """The same three models, elsewhere."""
    for name, folder in (("gemel", gemel_folder), ("vision", EMBEDDED / "clip-world"), ("lm", opt_folder)):
        shutil.copytree(folder, tmp_path / name)
    places = {"vision": str(tmp_path / "vision"), "language_model": str(tmp_path / "lm"), "demo_encoder": ""}
    (tmp_path / "gemel" / "frozen.json").write_text(json.dumps(places), "utf-8")
    return tmp_path


def test_models_that_moved_have_the_same_key(moved: Path, gemel_folder: Path) -> None:
    assert read_settings(str(moved / "gemel")).vision == str(moved / "vision")
    expected = key(gemel_folder)
    assert key(moved / "gemel") == expected
    assert key(gemel_folder, vision=str(moved / "vision"), language_model=str(moved / "lm"), demo_encoder="") == expected
    assert key(gemel_folder, beams=4) != expected


@pytest.mark.parametrize("name", ["vision/config.json", "lm/config.json", "gemel/gemel.json", "gemel/demos.jsonl"])
def test_a_file_of_any_of_the_models_that_changed_is_in_the_key(name: str, moved: Path, gemel_folder: Path) -> None:
    """Files of one name in two folders do not hide each other."""
    with (moved / name).open("a") as file:
        file.write("\n")
    assert key(moved / "gemel") != key(gemel_folder)


def answers_key(tmp_path: Path, recipe: dict[str, Any], **parameters: Any) -> str:
    trained = {"recipe": {"limit": 4, **recipe}, "on": ["world-news"]}
    table = {"datasets": ["world-sport"], "linkers": [{"name": "gemel", "trained": trained, **parameters}], "limit": 1}
    builder = Builder(Store(tmp_path / "store"), "cpu")
    (planned,) = expand(parse_grid(table | {"tasks": ["IT2T"], "attacks": ["clean"]}), builder).cells
    return planned.evaluations[0].answers.key


def test_a_training_is_keyed_by_its_frozen_models_and_what_its_linker_is_given(moved: Path, gemel_folder: Path) -> None:
    recipe = {"vision": "world:clip-world", "language_model": "world:opt-world"}
    expected = answers_key(moved, recipe)
    assert answers_key(moved, recipe | {"vision": str(moved / "vision")}) == expected
    demo_file = str(gemel_folder / "demos.jsonl")
    others = answers_key(moved, recipe, demo_file=demo_file)
    assert others == answers_key(moved, recipe, demo_file=str(moved / "gemel" / "demos.jsonl")) != expected
    with (moved / "vision" / "config.json").open("a") as file:
        file.write("\n")
    assert answers_key(moved, recipe | {"vision": str(moved / "vision")}) != expected
