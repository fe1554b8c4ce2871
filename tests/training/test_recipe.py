from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import robustmel.world
from robustmel.errors import MissingError, UsageError
from robustmel.training.dual_encoder_recipe import Adversarial, DualEncoderRecipe
from robustmel.training.recipe_files import packaged_recipes, read_recipe, recipe_keys
from robustmel.training.trainee import kind_of_training


def test_later_settings_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text('﻿family = "siglip"\nepochs = 7\n[augmentation]\nshift = 0.5\n', encoding="utf-8")
    recipe = read_recipe(file, ["augmentation.shift=0.1", "base=some/model", "learning_rate=1"], epochs=9, base=None)
    assert recipe == DualEncoderRecipe(
        family="siglip", epochs=9, base="some/model", learning_rate=1.0, augmentation=type(recipe.augmentation)(shift=0.1)
    )


def test_a_published_recipe_is_read_back(tmp_path: Path) -> None:
    recipe = DualEncoderRecipe(seed=5, batch_size=33)
    file = tmp_path / "training_recipe.json"
    file.write_text(json.dumps({"recipe": recipe.to_dict(), "history": []}))
    assert read_recipe(file) == recipe


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["epoch=3"], 'no "epoch". Did you mean "epochs"?'),
        (["augmentation.shfit=3"], 'no "augmentation.shfit". Did you mean "shift"?'),
        (["epochs=many"], "epochs is a whole number, not 'many'"),
        (["epochs=true"], "epochs is a whole number"),
        (["epochs"], "write key=value"),
        (["augmentation=3"], "augmentation is a table"),
        (["epochs=0"], "epochs must be at least 1"),
        (["batch_size=1"], "batch_size must be at least 2"),
        (["architecture.patch_size=7"], "multiple of patch_size"),
        (["prompt=a photo"], "{name}"),
    ],
)
def test_a_wrong_setting_is_told_in_one_sentence(settings: list[str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_recipe(None, settings)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_absent_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no recipe"):
        read_recipe(tmp_path / "none.toml")
    (tmp_path / "broken.toml").write_text("family = ")
    with pytest.raises(UsageError, match=r"broken\.toml"):
        read_recipe(tmp_path / "broken.toml")


def test_a_table_changes_a_packaged_recipe_or_the_defaults() -> None:
    assert read_recipe({"family": "clip", "epochs": 2}) == DualEncoderRecipe(family="clip", epochs=2)
    packaged = read_recipe("clip-world")
    assert packaged.epochs == 18
    assert packaged.architecture.vocabulary == 2000
    changed = read_recipe({"recipe": "clip-world", "epochs": 2, "architecture": {"heads": 2}})
    assert changed == replace(packaged, epochs=2, architecture=replace(packaged.architecture, heads=2))


@pytest.mark.parametrize("name", sorted(packaged_recipes()))
def test_a_packaged_recipe_is_the_one_its_checkpoint_was_trained_by(name: str) -> None:
    record = Path(robustmel.world.__file__).parent / "checkpoints" / name / "training_recipe.json"
    assert read_recipe(name) == read_recipe(record)


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(MissingError, match=r'no recipe clip-wrld.*Did you mean "clip-world"'):
        read_recipe("clip-wrld")


def test_every_key_that_is_listed_can_be_set() -> None:
    keys = dict(recipe_keys())
    assert {"epochs", "base", "architecture.heads", "weights.fused", "adversarial.eps"} <= keys.keys()
    settings = [
        f"{name}={json.dumps(default) if default != -math.inf else '-inf'}"  # TOML has a word for it, JSON has none
        for name, default in keys.items()
        if default is not None
    ]
    assert read_recipe(None, settings) == DualEncoderRecipe()


def test_the_identity_changes_with_what_decides_the_weights_and_with_nothing_else(tmp_path: Path) -> None:
    plain = DualEncoderRecipe(epochs=2)
    for change in ({"epochs": 3}, {"seed": 1}, {"precision": "float32"}, {"adversarial": Adversarial(eps=0.1)}):
        assert replace(plain, **change).identity() != plain.identity()  # type: ignore[arg-type]
    assert plain.assets() == ()
    here, there = tmp_path / "here", tmp_path / "there"
    shutil.copytree(Path(robustmel.world.__file__).parent / "checkpoints" / "clip-world", here)
    shutil.copytree(here, there)
    tuned = [replace(plain, base=str(folder)) for folder in (here, there)]
    assert tuned[0].identity() == tuned[1].identity() != plain.identity()
    assert [file.name for file in tuned[0].assets()] == [file.name for file in tuned[1].assets()]
    assert "model.safetensors" in {file.name for file in tuned[0].assets()}
    json.dumps(tuned[0].identity())


@pytest.mark.parametrize(
    ("family", "said"),
    [("clop", 'Did you mean "clip"'), ("clip-world", 'family = "clip" and base = "world:clip-world"')],
)
def test_a_family_that_cannot_be_trained_is_refused(family: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        kind_of_training(DualEncoderRecipe(family=family))


def test_a_linker_of_one_s_own_that_says_nothing_of_training_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("class Mine:\n    tasks = ('T2T',)\n")
    with pytest.raises(UsageError, match="trained_as"):
        kind_of_training(DualEncoderRecipe(family=f"{tmp_path}/mine.py:Mine"))


def test_a_recipe_needs_no_torch() -> None:
    code = "import sys, robustmel.training, robustmel.training.recipe_files; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
