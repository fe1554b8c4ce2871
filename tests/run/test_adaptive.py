"""`attack = "adaptive"`: the same members and budgets for every victim, and one row that takes the worst of them by mention."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from robustmel.errors import UsageError
from robustmel.linkers import DUAL_ENCODERS, LINKERS
from robustmel.report import build
from robustmel.run.adaptive import OPTIONS, members
from robustmel.run.builder import Builder
from robustmel.run.expand import expand
from robustmel.run.grid import Grid, parse_grid
from robustmel.run.listener import ProgressListener
from robustmel.run.runs import run_grid
from robustmel.run.store import Store

LINKER = {"name": f"{Path(__file__).parent / 'colour_linker.py'}:ColourLinker", "label": "colours"}


def grid(data: Path, *attacks: object, **axes: object) -> Grid:
    table = {"datasets": [{"name": "jsonl", "path": str(data)}], "linkers": [LINKER], "tasks": ["I2T"], "batch_size": 18}
    return parse_grid({**table, "attacks": list(attacks), **axes})


def test_the_worst_case_takes_each_mention_s_worst_over_attacks_and_sources(colour_data: Path, tmp_path: Path) -> None:
    adaptive = {"name": "adaptive", "eps": "80/255", "steps": 3, "queries": 10}
    asked = grid(colour_data, adaptive, defences=["none", {"name": "bit-depth", "bits": 2}], limit=9)
    run_grid(asked, tmp_path / "out", Store(tmp_path / "store"), 1, "cpu", ProgressListener())
    summaries = build(tmp_path / "out").summaries
    rows = {row.defence: row for row in summaries if row.attack == "worst case (pixels, 80/255)"}
    assert rows.keys() == {"none", "bit-depth"}
    assert rows["none"].members == rows["bit-depth"].members == ("pgd", "apgd", "square", "pgd", "gate-pgd")
    cells = json.loads((tmp_path / "out" / "run.json").read_text())["cells"]
    for defence, row in rows.items():
        right = []
        for cell in (cell for cell in cells if cell["defence"] == defence and cell["attack"] != "clean"):
            key = cell["evaluations"][0]["answers"]
            table = pq.read_table(tmp_path / "store" / "answers" / key[:2] / key / "answers.parquet")
            right.append([above == 0 for above in table["above"].to_pylist()])
        assert row.correct == np.all(right, axis=0).sum()
        assert row.correct <= min(other.correct for other in summaries if other.defence == defence and not other.worst_case)


@pytest.mark.parametrize("access", OPTIONS)
def test_every_access_has_members_of_one_threat_model_with_the_same_budget_for_every_victim(
    access: str, colour_data: Path, tmp_path: Path
) -> None:
    asked = grid(colour_data, {"name": "adaptive", "access": access}, defences=["none", "jpeg"], tasks=["IT2T"])
    cells = [cell for cell in expand(asked, Builder(Store(tmp_path))).cells if cell.cell.attack != "clean"]
    of = {
        defence: sorted((cell.cell.attack, cell.component.loaded.budget) for cell in cells if cell.cell.defence == defence)
        for defence in ("none", "jpeg")
    }
    assert of["none"] == of["jpeg"]
    assert len(of["none"]) >= 3
    threats = {cell.component.loaded.threat_model for cell in cells}
    assert threats == {{"pixels": "linf"}.get(access, access)}


@pytest.mark.parametrize(
    ("defences", "encoders"),
    [
        (["none", "retlink", {"name": "retlink", "mode": "template"}], []),
        (["none", {"name": "retlink", "descriptors": "siglip-world"}], ["siglip-world"]),
        (["none", {"name": "retlink", "descriptors": "llava-world"}], ["clip-world"]),
        (["none", {"name": "retlink", "lvm": "eye", "llm": "m", "mode": "select"}], ["clip-world"]),
        (["none", {"name": "margin-gate", "options": {"descriptors": "clip-world"}}], ["clip-world"]),
        (
            [{"name": "retlink", "descriptors": f"{name}-world", "label": name} for name in ("clip", "siglip", "llava")],
            ["clip-world", "siglip-world"],
        ),
    ],
)
def test_where_a_defence_reads_what_the_image_shows_that_is_attacked_too(
    defences: list[Any], encoders: list[str], colour_data: Path
) -> None:
    specs = grid(colour_data, {"name": "adaptive", "steps": 3}, defences=defences).attacks
    joint = [spec for spec in specs if spec.attack.name == "descriptor-pgd"]
    assert [spec.attack.params["encoder"] for spec in joint] == encoders
    assert len({spec.attack.title for spec in joint}) == len(joint)
    assert all((spec.attack.params["steps"], spec.attack.params["eps"]) == (3, "8/255") for spec in joint)
    drawn = grid(colour_data, {"name": "adaptive", "access": "drawn text"}, defences=defences).attacks
    assert any(spec.attack.params.get("text") == "Descriptors: {name}" for spec in drawn) == bool(encoders)


def test_dual_encoders_are_known_by_name() -> None:
    embed = {name for name in LINKERS.own if hasattr(LINKERS.load(name), "embed_texts")}
    assert {name for name in LINKERS.own if LINKERS.base(name) in DUAL_ENCODERS} == embed


SPECIFIED = {
    "pixels": {"pgd", "apgd", "square", "gate-pgd", "descriptor-pgd"},
    "drawn text": {"typographic"},
    "text edits": {"qwerty", "char_swap", "word_delete"},
    "knowledge base": {
        "poisoned-evidence", "prompt-injection", "injection-search", "caption-poison", "vandalism", "squatting",
    },
}  # fmt: skip
"""A0 (PGD on the linker alone), A1, A5, A6, A2; A4; A7; P1, P2 (static and searched), P3, P4, P5."""


@pytest.mark.parametrize("access", OPTIONS)
def test_every_attack_on_the_defence_is_a_member_of_its_access(access: str) -> None:
    made = list(members({"name": "adaptive", "access": access}, ("clip-world",)))
    assert {member["name"] for member in made} == SPECIFIED[access]
    if access in ("pixels", "text edits"):
        assert {bool(member.get("source")) for member in made} == {True, False}  # who does not know the defence, and who does


def test_what_is_no_access_or_cannot_be_set_is_refused(colour_data: Path) -> None:
    with pytest.raises(UsageError, match="unknown access"):
        grid(colour_data, {"name": "adaptive", "access": "pixel"})
    with pytest.raises(UsageError, match="source cannot be set"):
        grid(colour_data, {"name": "adaptive", "source": "clip-world"})
