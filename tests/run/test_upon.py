"""An attack made upon another: both change one set, each within its own budget, and alone they are what they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustmel.datasets.jsonl import JSONL
from robustmel.errors import UsageError
from robustmel.images import decode
from robustmel.report import build
from robustmel.run.grid import Grid, parse_grid
from robustmel.run.listener import ProgressListener
from robustmel.run.publish import publish
from robustmel.run.runs import run_grid
from robustmel.run.stages.overlays import read_overlay
from robustmel.run.store import Store

FOLDER = Path(__file__).parent
PGD = {"name": "pgd", "eps": "153/255", "step_size": 0.3, "steps": 4}
TEXT = {"name": "word_delete", "edit_rate": 1.0, "queries": 30, "protect": "none"}


def grid(data: Path, *attacks: Any, **change: Any) -> Grid:
    linker = {"name": f"{FOLDER / 'colour_linker.py'}:ColourLinker", "label": "colours", "text_weight": 1.0}
    table = {"datasets": [{"name": "jsonl", "path": str(data)}], "linkers": [linker], "tasks": ["I2T", "IT2T", "T2T"]}
    return parse_grid({**table, "attacks": list(attacks), "batch_size": 4, **change})


def finished(folder: Path, asked: Grid) -> tuple[dict[tuple[str, str], Any], dict[tuple[str, str], Any]]:
    """Summaries and planned cells of a run, by attack and task."""
    run_grid(asked, folder / "out", Store(folder / "store"), 1, "cpu", ProgressListener())
    cells = json.loads((folder / "out" / "run.json").read_text())["cells"]
    rows = {(row.attack, row.task): row for row in build(folder / "out").summaries if not row.worst_case}
    return rows, {(cell["attack"], cell["task"]): cell for cell in cells}


def overlay(folder: Path, cell: Any) -> tuple[Path, dict[str, Any]]:
    (found,) = (folder / "store" / "variant").glob(f"*/{cell['evaluations'][-1]['variant']}")
    return found, read_overlay(found, "mentions")


def test_both_change_one_set_and_a_task_that_reads_one_of_them_is_under_that_one_alone(
    colour_data: Path, tmp_path: Path
) -> None:
    both = PGD | {"upon": TEXT, "label": "both"}
    rows, cells = finished(tmp_path, grid(colour_data, PGD | {"label": "image"}, TEXT | {"label": "text"}, both))
    for alone, task in (("image", "I2T"), ("text", "T2T")):
        assert cells["both", task]["evaluations"] == cells[alone, task]["evaluations"]
    assert rows["both", "IT2T"].evaluations == ("fused",)
    assert rows["both", "IT2T"].accuracy < min(rows["image", "IT2T"].accuracy, rows["text", "IT2T"].accuracy)
    assert (cells["both", "IT2T"]["threat_model"], cells["both", "IT2T"]["budget"]) == (
        "linf + text edits",
        "0.6 + 1 of words",
    )
    folder, changed = overlay(tmp_path, cells["both", "IT2T"])
    _, texts = overlay(tmp_path, cells["text", "IT2T"])  # the fused view of the text alone
    assert texts.keys() <= changed.keys()
    assert {item: row["text"] for item, row in changed.items() if "text" in row} == {
        item: row["text"] for item, row in texts.items()
    }
    assert all((folder / row["image"]).is_file() for row in changed.values())


def test_in_turns_each_begins_from_the_clean_set_so_that_no_budget_is_spent_twice(colour_data: Path, tmp_path: Path) -> None:
    turns = PGD | {"upon": TEXT | {"upon": PGD}, "label": "turns"}
    publish(grid(colour_data, turns, tasks=["IT2T"]), tmp_path / "set", Store(tmp_path / "store"), 1, "cpu", ProgressListener())
    clean, attacked = JSONL(colour_data).load().mentions, JSONL(tmp_path / "set").load().mentions
    reached = [
        np.abs(decode(new.image).astype(int) - decode(old.image)).max()
        for old, new in zip(clean, attacked, strict=True)
        if old.image and new.image
    ]
    assert max(reached) == 153
    assert any(old.text != new.text for old, new in zip(clean, attacked, strict=True))


def test_the_text_last_keeps_the_images_of_the_set_it_is_made_upon(colour_data: Path, tmp_path: Path) -> None:
    last = TEXT | {"upon": PGD, "label": "text last"}
    _, cells = finished(tmp_path, grid(colour_data, PGD | {"label": "image"}, last, tasks=["IT2T"]))
    images, of_images = overlay(tmp_path, cells["image", "IT2T"])
    both, of_both = overlay(tmp_path, cells["text last", "IT2T"])
    for item, row in of_images.items():
        assert (both / of_both[item]["image"]).read_bytes() == (images / row["image"]).read_bytes()


@pytest.mark.parametrize(
    ("attack", "says"),
    [
        (PGD | {"upon": TEXT | {"source": "each"}}, "share source, view, logits, max_side and eot"),
        (PGD | {"upon": "nothing-known"}, "nothing-known"),
        ({"name": "qwerty", "upon": PGD}, "must be made first; make pgd upon it"),
    ],
)
def test_what_cannot_be_made_upon_another_is_refused(colour_data: Path, tmp_path: Path, attack: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        finished(tmp_path, grid(colour_data, attack))
