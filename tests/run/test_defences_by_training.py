"""Rows of defences by training: the artefacts of recipes written by hand, and sources that have the right training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from robustmel.errors import UsageError
from robustmel.run.builder import Builder
from robustmel.run.expand import expand
from robustmel.run.grid import parse_grid
from robustmel.run.jobs import Answers, Job, Training
from robustmel.run.plan import Plan
from robustmel.run.store import Store

FILTER = {"detector": "neighbours", "share": 0.2}
EDITED = {"attack": "qwerty", "share": 0.4, "parameters": {"edit_rate": 0.4}}
PGD = {"name": "pgd", "strength": "normal"}


@pytest.fixture
def data(colour_data: Path) -> Path:
    lines = [json.loads(line) for line in (colour_data / "mentions.jsonl").read_text().splitlines()]
    splits = ["train"] * 12 + ["validation"] * 3 + ["test"] * len(lines)
    text = "".join(json.dumps(line | {"split": split}) + "\n" for line, split in zip(lines, splits, strict=False))
    (colour_data / "mentions.jsonl").write_text(text)
    return colour_data


def planned(data: Path, store: Path, recipe: Any = "clip-world", linkers: Any = (), **change: Any) -> Plan:
    source = {"name": "jsonl", "path": str(data)}
    mine = {"name": "clip", "label": "mine", "trained": {"recipe": recipe, "on": [source]}}
    table = {"datasets": [source], "linkers": [mine, *linkers], "tasks": ["T2T"], "attacks": ["clean"], **change}
    return expand(parse_grid(table), Builder(Store(store)))


def keys(plan: Plan, kind: type[Job]) -> set[str]:
    return {job.key for job in plan.jobs if isinstance(job, kind)}


def with_tables(**tables: Any) -> dict[str, Any]:
    return {"name": "trained-with", **tables}


@pytest.mark.parametrize("poisons", [["none"], ["none", {"name": "qwerty", "record_rate": 0.5}]])
def test_a_row_is_the_linker_whose_recipe_says_so(data: Path, tmp_path: Path, poisons: Any) -> None:
    rows = [with_tables(filter=FILTER, label="filtered"), with_tables(text_augmentation=EDITED, label="edited")]
    plan = planned(data, tmp_path, defences=["none", *rows], poisons=poisons)
    by_hand = [
        planned(data, tmp_path, {"recipe": "clip-world", **tables}, poisons=poisons)
        for tables in ({}, {"filter": FILTER}, {"text_augmentation": EDITED})
    ]
    for kind in (Training, Answers):
        assert keys(plan, kind) == set().union(*(keys(other, kind) for other in by_hand))
        assert len(keys(plan, kind)) == 3 * len(poisons)
    assert {(cell.cell.linker, cell.cell.defence) for cell in plan.cells} == {
        ("mine", name) for name in ("none", "filtered", "edited")
    }


def test_a_source_without_the_defence_was_trained_without_it(data: Path, tmp_path: Path) -> None:
    static = {**PGD, "source": {"linker": "victim", "defence": "none"}, "label": "static"}
    plan = planned(
        data,
        tmp_path,
        tasks=["I2T"],
        attacks=[{**PGD, "label": "adaptive"}, static],
        defences=["none", with_tables(filter=FILTER)],
    )
    made = {(planned.cell.defence, planned.cell.attack): planned for planned in plan.cells}
    white_boxes = {place for place, planned in made.items() if planned.white_box}
    assert white_boxes == {("none", "adaptive"), ("none", "static"), ("trained-with", "adaptive")}
    assert made["trained-with", "static"].cell.source == "mine undefended"
    assert made["trained-with", "adaptive"].cell.source == "mine behind trained-with"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"defences": [with_tables()]}, "the recipe stays as it is"),
        ({"defences": [with_tables(filter={"detector": "onion"})]}, "the recipe stays as it is"),
        ({"defences": [with_tables(filter={"detector": "oniom", "share": 0.1})]}, "with defence trained-with"),
        ({"defences": [with_tables(filter={"colour": 1})]}, "with defence trained-with: a recipe has no"),
        ({"defences": [with_tables(filter=FILTER)], "linkers": ["clip-world"]}, "linker clip-world is not trained by the grid"),
        ({"defences": [{"name": "margin-gate", "defence": "trained-with"}]}, "cannot stand behind a gate"),
    ],
)
def test_what_would_be_no_defence_is_told(data: Path, tmp_path: Path, change: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        planned(data, tmp_path, **change)
