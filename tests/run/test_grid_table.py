from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest

from robustmel.errors import UsageError
from robustmel.registry import Component
from robustmel.run.grid import grid_of, parse_grid, read_grid
from robustmel.run.grid_table import table_of

EXAMPLES = [
    *(Path(__file__).parents[2] / "examples").rglob("*.toml"),
    *Path(str(resources.files("robustmel.world") / "grids")).glob("*.toml"),
]
AWKWARD = {
    "datasets": ["world-news", {"name": "jsonl", "path": "x", "label": "mine"}],
    "linkers": [{"name": "gemel-news", "label": "a", "trained": {"recipe": {"seed": 1}, "on": ["world-news"]}}, "clip-world"],
    "tasks": ["IT2T"],
    "attacks": [
        {"name": "pgd", "strength": "strong", "source": ["a", "clip-world"], "source_defence": "none", "max_side": 64},
        {"name": "qwerty", "edit_rate": 0.2, "source": "others", "upon": {"name": "pgd", "eps": 0.1, "strength": "normal"}},
    ],
    "defences": ["none", {"name": "modality-gate", "threshold": 0.3}],
    "seeds": [1, 2],
    "limit": 5,
    "keep": "none",
    "poisons": ["none", {"name": "qwerty", "record_rate": 0.1, "entities": ["Q1"], "target": "queries"}],
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_read_back_from_its_table(path: Path) -> None:
    try:
        grid = read_grid(path)
    except UsageError:
        pytest.skip("a recipe, not a grid")
    assert parse_grid(json.loads(json.dumps(table_of(grid)))) == grid


def test_what_no_example_has_is_read_back_too() -> None:
    grid = parse_grid(AWKWARD)
    assert parse_grid(json.loads(json.dumps(table_of(grid)))) == grid


def test_objects_of_a_script_have_no_table() -> None:
    with pytest.raises(UsageError, match="mine is an object of this script"):
        table_of(grid_of(datasets=["world-news"], linkers=[Component("mine", instance=object())]))
