"""Every TOML file of a user is read within bounds: grids, recipes, settings, options of a cluster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from robustmel.errors import UsageError
from robustmel.records.toml_text import LONGEST, bounded_text
from robustmel.run.cluster.options import read_options
from robustmel.run.grid import read_grid
from robustmel.training.recipe_files import read_recipe


def read_slurm_options(path: Path) -> None:
    read_options("slurm", path)


BOMBS = {
    "dots": "a." * 40_000 + "b = 1",
    "digits": "a = " + "1" * 6_000,
    "depth": "a = " + "[" * 5_000,
    "length": "#" * (LONGEST + 1),
}
WHYS = {"dots": "dots in a line", "digits": "4,300 digits", "depth": "nested too deeply", "length": "1,000,000 characters"}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("read", [read_grid, read_recipe, read_slurm_options])
def test_a_bomb_is_refused_in_a_sentence(tmp_path: Path, read: Callable[[Path], object], bomb: str) -> None:
    (tmp_path / "a.toml").write_text(BOMBS[bomb])
    with pytest.raises(UsageError, match=f"a.toml.*{WHYS[bomb]}"):
        read(tmp_path / "a.toml")


@pytest.mark.parametrize("value", ["[" * 5_000, "1" * 6_000])
def test_a_setting_that_the_parser_gives_up_on_is_text_or_refused(value: str) -> None:
    with pytest.raises(UsageError, match="epochs"):
        read_recipe(None, [f"epochs={value}"])


def test_a_setting_of_many_dots_is_refused() -> None:
    with pytest.raises(UsageError, match="is not a setting"):
        read_recipe(None, ["a." * 40_000 + "b=1"])


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no endless file here")
def test_an_endless_file_is_not_read_to_its_end() -> None:
    assert len(bounded_text(Path("/dev/zero"))) == LONGEST + 1
