from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import pytest

from robustmel.errors import MissingError, UsageError
from robustmel.run.grid import component_from_text, parse_grid, read_grid

SMALL = {"datasets": ["world-news"], "linkers": ["clip-world"]}


def test_a_grid_file_becomes_axes(tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_bytes(
        b'\xef\xbb\xbfdatasets = ["world-news", {name = "jsonl", path = "data", label = "mine"}]\r\n'
        b'linkers = ["clip-world"]\r\ntasks = ["I2T", "T2T"]\r\n'
        b'attacks = ["clean", {name = "pgd", strength = "strong", steps = 5, source = "clip-world", logits = "scaled"}]\r\nseeds = [0, 1]\r\n'
    )
    grid = read_grid(tmp_path / "grid.toml")
    assert [dataset.title for dataset in grid.datasets] == ["world-news", "mine"]
    assert dict(grid.datasets[1].params) == {"path": "data"}
    clean, pgd = grid.attacks
    assert clean.title == "clean"
    assert (pgd.title, pgd.source, pgd.logits, dict(pgd.attack.params)) == (
        "pgd-strong (steps=5)",
        "clip-world",
        "scaled",
        {"steps": 5},
    )


def test_clean_is_always_there() -> None:
    assert [spec.title for spec in parse_grid({**SMALL, "attacks": ["pgd"]}).attacks] == ["clean", "pgd"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dataset": ["x"]}, 'Did you mean "datasets"?'),
        ({"linkers": []}, "linkers"),
        ({"tasks": ["I2X"]}, "tasks"),
        ({"limit": -1}, "limit"),
        ({"seeds": [0, 0]}, "twice"),
        ({"linkers": [{"model": "x"}]}, "has no name"),
        ({"linkers": [{"name": "clip", "model": "a"}, {"name": "clip", "model": "b"}]}, "give each a label"),
        ({"attacks": [{"name": "pgd", "view": "sideways"}]}, "view"),
        ({"keep": "some"}, "keep"),
    ],
)
def test_a_wrong_grid_is_told_before_anything_loads(change: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        parse_grid({**SMALL, **change})
    assert caught.value.exit_code == 2


def test_no_file_and_no_toml(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no grid file"):
        read_grid(tmp_path / "absent.toml")
    (tmp_path / "bad.toml").write_text("datasets = [")
    with pytest.raises(UsageError, match="not valid TOML"):
        read_grid(tmp_path / "bad.toml")
    (tmp_path / "latin.toml").write_bytes(b'title = "caf\xe9"')
    with pytest.raises(MissingError, match="cannot be read"):
        read_grid(tmp_path / "latin.toml")


def test_components_on_the_command_line() -> None:
    assert component_from_text("world-news").name == "world-news"
    assert dict(component_from_text('{name = "jsonl", path = "a b"}').params) == {"path": "a b"}
    with pytest.raises(UsageError, match="not an inline table"):
        component_from_text("{name = ")


@pytest.mark.parametrize(
    "text",
    [
        "a" + ".a" * 60_000 + " = 1",
        "datasets = [{a" + ".a" * 60_000 + " = 1}]",
        "[a" + ".a" * 60_000 + "]",
        "x = 1  # " + "y" * 1_000_000,
    ],
    ids=["key", "inline key", "header", "long"],
)
def test_what_would_choke_the_parser_is_refused_unread(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(text: str) -> None:
        raise AssertionError("the parser was asked")

    monkeypatch.setattr(tomllib, "loads", never)
    (tmp_path / "grid.toml").write_text(text)
    with pytest.raises(UsageError, match="characters, or over 1,000 dots in a line"):
        read_grid(tmp_path / "grid.toml")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("limit = " + "1" * 6_000, "it holds a whole number of more than 4,300 digits"),
        ("datasets = " + "[" * 5_000, "it is nested too deeply"),
    ],
    ids=["digits", "brackets"],
)
def test_what_the_parser_gives_up_on_is_no_valid_toml(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "grid.toml").write_text(text)
    with pytest.raises(UsageError, match=f"is not valid TOML: {why}"):
        read_grid(tmp_path / "grid.toml")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"limit": True}, "limit: must be a whole number, not true"),
        ({"seeds": [False]}, "must be a whole number, not false"),
        ({"limit": math.nan}, "limit must be a whole number"),
        ({"split": 5}, "split must be text"),
        ({"attacks": [{"name": "pgd", "max_side": True}]}, "max_side: must be a whole number, not true"),
    ],
)
def test_what_is_no_number_or_no_text_is_said_plainly(change: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_grid({"datasets": ["world-news"], "linkers": ["clip-world"]} | change)
    assert why in str(caught.value)
    assert "Input should" not in str(caught.value)
