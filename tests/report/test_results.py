from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from robustmel.errors import MissingError
from robustmel.report import build
from robustmel.report.results import read_run

RIGHT = (("a", "b"), (2.0, 1.0))


@pytest.fixture
def run(fake_run: Any, ask: Any) -> Any:
    fake_run.questions([ask(0, "a", ["a", "b"]), ask(1, "b", ["a", "b"])])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT, RIGHT]))})
    return fake_run


def test_a_folder_that_is_no_run_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"is not a run folder .* --out"):
        read_run(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", '{"schema": 99}', '{"schema": 2, "store": "x", "cells": [{}]}'])
def test_a_run_file_that_cannot_be_understood_says_to_run_again(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(MissingError, match="run the grid again"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    "change", [{"evaluations": []}, {"evaluations": [7]}, {"candidates": 5}, {"made_on": 3}, {"attack_name": None}]
)
def test_a_cell_of_another_shape_says_to_run_again(run: Any, change: dict[str, Any]) -> None:
    out = run.finish()
    body = json.loads((out / "run.json").read_text())
    body["cells"][0] |= change
    (out / "run.json").write_text(json.dumps(body))
    with pytest.raises(MissingError, match="run the grid again"):
        read_run(out)


def test_rows_that_are_not_in_the_store_are_named_by_their_cell(run: Any) -> None:
    shutil.rmtree(run.store / "answers")
    with pytest.raises(MissingError, match=r"answers of cell toy I2T ours none clean seed 0 is not in the store .* --store"):
        build(run.finish())


def test_torn_rows_are_named_by_their_cell(run: Any) -> None:
    next((run.store / "answers").rglob("*.parquet")).write_bytes(b"PAR1 torn")
    with pytest.raises(
        MissingError, match=r"of cell toy I2T ours none clean seed 0 cannot be used: .* has a changed answers.parquet"
    ):
        build(run.finish())


def test_a_store_that_was_moved_can_be_named(run: Any, tmp_path: Path) -> None:
    before = build(run.finish()).to_json()
    moved = run.store.rename(tmp_path / "elsewhere")
    with pytest.raises(MissingError):
        build(run.out)
    assert build(run.out, moved).to_json() == before


@pytest.mark.parametrize("answers", [1, 3])
def test_rows_about_other_mentions_are_refused(run: Any, ask: Any, answers: int) -> None:
    candidates = run.candidates
    run.questions([ask(number, "a", ["a", "b"]) for number in range(answers)])
    run.cell("noise", {"image": (None, run.rows([RIGHT] * answers))}, candidates=candidates)
    with pytest.raises(MissingError, match="noise seed 0 hold"):
        build(run.finish())


def test_rows_in_another_order_are_put_right(fake_run: Any, ask: Any) -> None:
    rows = [ask(0, "a", ["a", "b"]), ask(1, "b", ["a", "b"]), ask(2, "b", ["a", "b"])]
    candidates = fake_run.questions(rows)
    fake_run.asked = rows[::-1]
    key = fake_run.rows([(("b",), (1.0,)), (("a",), (1.0,)), (("a",), (1.0,))])
    fake_run.cell("clean", {"clean": (None, key)}, candidates=candidates)
    assert build(fake_run.finish()).summaries[0].correct == 2


def test_no_cells_make_an_empty_report(fake_run: Any) -> None:
    report = build(fake_run.finish())
    assert json.loads(report.to_json()) == []
    assert "no cells" in report.text()
    assert report.to_latex()
    assert report.to_markdown()
    assert report.to_csv().startswith("dataset,")
    assert report.write_page().is_file()
