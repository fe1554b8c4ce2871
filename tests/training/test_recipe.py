from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from robustmel.errors import MissingError, UsageError
from robustmel.training.recipe import Recipe
from robustmel.training.recipe_files import read_recipe


def test_later_settings_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text('﻿family = "siglip"\nepochs = 7\n[augmentation]\nshift = 0.5\n', encoding="utf-8")
    recipe = read_recipe(file, ["augmentation.shift=0.1", "base=some/model", "learning_rate=1"], epochs=9, base=None)
    assert recipe == Recipe(
        family="siglip", epochs=9, base="some/model", learning_rate=1.0, augmentation=type(recipe.augmentation)(shift=0.1)
    )


def test_a_published_recipe_is_read_back(tmp_path: Path) -> None:
    recipe = Recipe(seed=5, batch_size=33)
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


def test_a_recipe_needs_no_torch() -> None:
    code = "import sys, robustmel.training, robustmel.training.recipe_files; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
