"""Sources with and without their defence, and what a defence leaves of a linker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from robustmel.errors import RobustMELError, UsageError
from robustmel.report import build
from robustmel.run.builder import Builder
from robustmel.run.expand import expand
from robustmel.run.grid import Grid, parse_grid
from robustmel.run.listener import ProgressListener
from robustmel.run.plan import Plan
from robustmel.run.runs import run_grid
from robustmel.run.store import Store

FOLDER = Path(__file__).parent
LINKER = str(FOLDER / "colour_linker.py")
STATIC = {"linker": "victim", "defence": "none"}
PGD = {"name": "pgd", "eps": 0.3, "step_size": 0.1, "steps": 3, "label": "pgd"}


def defence(name: str) -> dict[str, Any]:
    return {"name": f"{FOLDER / 'defences.py'}:{name}", "label": name.lower()}


def grid(data: Path, *attacks: Any, **change: Any) -> Grid:
    linker = {"name": f"{LINKER}:ColourLinker", "label": "colours"}
    table = {"datasets": [{"name": "jsonl", "path": str(data)}], "linkers": [linker], "tasks": ["I2T"], "batch_size": 4}
    return parse_grid({**table, "attacks": list(attacks), **change})


def planned(data: Path, *attacks: Any, **change: Any) -> Plan:
    return expand(grid(data, *attacks, **change), Builder(Store(data / "nowhere")))


def test_the_static_and_the_adaptive_protocol_stand_in_one_grid_as_rows(colour_data: Path, tmp_path: Path) -> None:
    asked = grid(colour_data, PGD, PGD | {"source": STATIC}, defences=["none", defence("Halved")])
    run_grid(asked, tmp_path / "out", Store(tmp_path / "store"), 1, "cpu", ProgressListener())
    cells = [cell for cell in json.loads((tmp_path / "out" / "run.json").read_text())["cells"] if cell["attack"] == "pgd"]
    rows = {(cell["linker"], cell["defence"], cell["source"]): cell for cell in cells}
    assert {key: cell["white_box"] for key, cell in rows.items()} == {
        ("colours", "none", "colours"): True,
        ("colours", "none", "colours undefended"): True,  # there is no defence to leave out
        ("colours", "halved", "colours behind halved"): True,
        ("colours", "halved", "colours undefended"): False,
    }
    variant = {key[1:]: cell["evaluations"][0]["variant"] for key, cell in rows.items()}
    assert variant["none", "colours"] == variant["none", "colours undefended"] == variant["halved", "colours undefended"]
    assert variant["halved", "colours behind halved"] != variant["none", "colours"]
    summaries = [row for row in build(tmp_path / "out").summaries if row.attack == "pgd"]
    assert len({(row.linker, row.defence, row.source) for row in summaries}) == len(summaries) == 4


def test_a_named_source_may_be_attacked_behind_the_victim_s_defence(colour_data: Path) -> None:
    other = {"name": f"{LINKER}:ColourLinker", "label": "other", "text_weight": 0.3}
    mine = {"name": f"{LINKER}:ColourLinker", "label": "mine"}
    source = {"linker": "other", "defence": "victim"}
    plan = planned(colour_data, PGD | {"source": source}, linkers=[mine, other], defences=[defence("Halved")])
    of_mine = [cell for cell in plan.cells if cell.cell.linker == "mine" and cell.cell.attack == "pgd"]
    assert [(cell.cell.source, cell.white_box) for cell in of_mine] == [("other behind halved", False)]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Closed", r"needs gradients and linker colours behind closed has none. Set source = \{linker = \"victim\", defence = \"none\"\}"),
        ("Greedy", "uses evidence, which does not exist here"),
    ],
)  # fmt: skip
def test_what_a_defence_takes_away_is_told_at_plan_time(colour_data: Path, name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        planned(colour_data, PGD, defences=["none", defence(name)])


def test_the_way_out_that_the_refusal_names_is_one(colour_data: Path) -> None:
    plan = planned(
        colour_data, PGD | {"source": STATIC}, {"name": "square", "queries": 5}, defences=["none", defence("Closed")]
    )
    assert {cell.cell.defence for cell in plan.cells} == {"none", "closed"}


def test_a_defence_that_adds_a_capability_is_used(colour_data: Path, tmp_path: Path) -> None:
    closed = {"name": f"{LINKER}:BrokenLinker", "label": "closed"}
    with pytest.raises(UsageError, match="needs gradients"):
        planned(colour_data, PGD, linkers=[closed])
    asked = grid(colour_data, PGD, linkers=[closed], defences=[defence("Opening")], limit=4)
    finished = run_grid(asked, tmp_path / "out", Store(tmp_path / "store"), 1, "cpu", ProgressListener())
    assert finished.errors == 0


def test_a_defence_that_promises_what_it_has_not_is_found_out(colour_data: Path, tmp_path: Path) -> None:
    asked = grid(colour_data, PGD, defences=[defence("Lying")], limit=4)
    with pytest.raises(RobustMELError, match="its object has none"):
        run_grid(asked, tmp_path / "out", Store(tmp_path / "store"), 1, "cpu", ProgressListener())


def test_a_defence_is_given_the_training_mentions_it_asks_for(colour_data: Path, tmp_path: Path) -> None:
    asked = grid(colour_data, "clean", defences=[defence("Learning")], limit=4)
    assert run_grid(asked, tmp_path / "out", Store(tmp_path / "store"), 1, "cpu", ProgressListener()).errors == 0


def test_a_source_behind_an_unknown_defence_is_refused(colour_data: Path) -> None:
    with pytest.raises(UsageError, match='behind "halfed", which is not a defence of the grid'):
        planned(colour_data, PGD | {"source": {"linker": "victim", "defence": "halfed"}}, defences=[defence("Halved")])
