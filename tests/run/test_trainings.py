"""A grid trains what it lacks."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.warm_python import start

from robustmel.errors import UsageError
from robustmel.report import build
from robustmel.run.builder import Builder
from robustmel.run.expand import expand
from robustmel.run.grid import parse_grid
from robustmel.run.listener import ProgressListener
from robustmel.run.runs import run_grid
from robustmel.run.store import Store

UPPER = f"{Path(__file__).parent / 'text_attacks.py'}:UpperCase"
SMALL = {
    "epochs": 2,
    "architecture": {
        "vision_depth": 1,
        "text_depth": 1,
        "image_size": 16,
        "vision_width": 32,
        "text_width": 32,
        "vocabulary": 300,
    },
}


@pytest.fixture
def data(colour_data: Path) -> Path:
    """Twelve mentions to train on, three to validate and three to test."""
    lines = [json.loads(line) for line in (colour_data / "mentions.jsonl").read_text().splitlines()]
    for number, line in enumerate(lines):
        line["split"] = "train" if number < 12 else "validation" if number < 15 else "test"
    (colour_data / "mentions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return colour_data


def table(data: Path, **change: Any) -> dict[str, Any]:
    recipe, source = SMALL | change.pop("recipe", {}), {"name": "jsonl", "path": str(data)}
    linker = {"name": "clip", "label": "mine", "trained": {"recipe": recipe, "on": [source]}}
    return {"datasets": [source], "linkers": [linker], "tasks": ["T2T"], "attacks": ["clean"], **change}


def run(data: Path, folder: Path, **change: Any) -> Any:
    return run_grid(parse_grid(table(data, **change)), folder / "out", Store(folder / "store"), 1, "cpu", ProgressListener())


def trainings(folder: Path) -> int:
    return len(list((folder / "store" / "training").glob("*/*/manifest.json")))


def test_a_grid_trains_once_a_seed_and_again_for_another_recipe(data: Path, tmp_path: Path) -> None:
    assert run(data, tmp_path, seeds=[0, 1]).errors == 0
    assert trainings(tmp_path) == 2  # one a seed
    (row,) = build(tmp_path / "out").summaries
    assert row.seeds == (0, 1)
    assert run(data, tmp_path, seeds=[0, 1]).made == 0
    assert run(data, tmp_path, seeds=[0], recipe={"learning_rate": 2e-3}).made == 2  # a training, and its answers
    assert trainings(tmp_path) == 3


def test_a_poisoned_training_is_a_row_of_its_own(data: Path, tmp_path: Path) -> None:
    poison = {"name": UPPER, "record_rate": 0.4, "label": "loud"}
    assert run(data, tmp_path, poisons=["none", poison]).errors == 0
    assert trainings(tmp_path) == 2
    manifests = [json.loads(file.read_text()) for file in (tmp_path / "store" / "poison").glob("*/*/manifest.json")]
    assert [(one["chosen"], one["changed"]) for one in manifests] == [(int(0.4 * manifests[0]["records"]),) * 2]
    cells = json.loads((tmp_path / "out" / "run.json").read_text())["cells"]
    assert [cell["poison"] for cell in cells] == ["none", "loud"]


def test_the_records_of_a_lower_rate_are_among_those_of_a_higher(data: Path, tmp_path: Path) -> None:
    from robustmel.run.stages.overlays import read_overlay

    store, chosen = Store(tmp_path / "store"), []
    for rate in (0.25, 0.5):
        plan = expand(parse_grid(table(data, poisons=[{"name": UPPER, "record_rate": rate}])), Builder(store))
        job = next(job for job in plan.jobs if job.kind == "poison")
        Builder(store).make(job, lambda *_: None)
        chosen.append(set(read_overlay(store.path(job.kind, job.key), "mentions")))
    assert chosen[0] < chosen[1]
    assert len(chosen[1]) == pytest.approx(2 * len(chosen[0]), abs=1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"recipe": {"epoch": 2}}, "epoch"),
        ({"recipe": {"family": "siglip"}}, "is of family clip, and its recipe trains siglip"),
        ({"poisons": [{"name": "pgd", "record_rate": 0.1}]}, "only a text attack"),
        ({"poisons": [{"name": UPPER, "record_rate": 1.1}]}, "record_rate is a share"),
        ({"linkers": ["clip-world"], "poisons": [{"name": UPPER, "record_rate": 0.1}]}, "no linker of the grid is trained"),
    ],
)
def test_what_cannot_be_trained_is_told_before_anything_is_made(
    data: Path, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        run(data, tmp_path, **change)
    assert not (tmp_path / "store").exists()


def test_a_killed_training_goes_on_by_the_same_command(data: Path, tmp_path: Path) -> None:
    grid = table(data, recipe={"epochs": 4})
    (tmp_path / "grid.json").write_text(json.dumps(grid))
    code = (
        "import os, signal; import robustmel.training.loop as loop; write = loop.write_state\n"
        "def once(*given): write(*given); os.kill(os.getpid(), signal.SIGKILL)\n"
        "loop.write_state = once\n"
        "import json, sys; from pathlib import Path; from robustmel.run.grid import parse_grid; from robustmel.run.runs import run_grid;"
        "from robustmel.run.listener import ProgressListener; from robustmel.run.store import Store; g = parse_grid(json.loads(Path('grid.json').read_text()));"
        "run_grid(g, Path('out'), Store(Path('store')), 1, 'cpu', ProgressListener())"
    )
    assert start(["-c", code], cwd=tmp_path).wait() == -signal.SIGKILL
    assert list(tmp_path.glob("store/training/*/*.partial/model/*state*"))
    assert not list(tmp_path.glob("store/training/*/*/manifest.json"))
    assert run(data, tmp_path, recipe={"epochs": 4}).errors == 0
    (tmp_path / "whole").mkdir()
    assert run(data, tmp_path / "whole", recipe={"epochs": 4}).errors == 0
    first, second = (next((tmp_path / folder).glob("store/training/*/*/model/model.safetensors")) for folder in (".", "whole"))
    assert first.read_bytes() == second.read_bytes()
