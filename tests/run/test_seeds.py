"""A linker that draws gets its seed from the run; one that does not is asked once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from robustmel.kb import KnowledgeBase
from robustmel.report import build
from robustmel.run.grid import parse_grid
from robustmel.run.listener import ProgressListener
from robustmel.run.runs import run_grid
from robustmel.run.store import Store
from robustmel.types import Prediction, Query, Task


class Dice:
    """Ranks the candidates by lot, from the query's seed."""

    tasks = ("T2T",)
    version = 1
    random = True

    def __init__(self, kb: KnowledgeBase, /) -> None:
        pass

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        def lot(query: Query, candidate: str) -> int:
            return int.from_bytes(hashlib.sha256(f"{query.seed} {candidate}".encode()).digest()[:4], "big")

        answers = []
        for query in queries:
            ranked = sorted(query.candidates, key=lambda name: -lot(query, name))
            answers.append(Prediction(query.id, tuple(ranked), tuple(float(lot(query, name)) for name in ranked)))
        return answers


def linked(data: Path, folder: Path, linker: str, seeds: Sequence[int]) -> tuple[list[dict[str, Any]], int]:
    """The cells, and how many sets of answers the store holds."""
    linkers = [f"{linker}:{'Dice' if 'seeds' in linker else 'ColourLinker'}"]
    table = {"datasets": [{"name": "jsonl", "path": str(data)}], "linkers": linkers, "tasks": ["T2T"], "attacks": ["clean"]}
    run_grid(parse_grid({**table, "seeds": list(seeds)}), folder / "out", Store(folder / "store"), 1, "cpu", ProgressListener())
    cells = json.loads((folder / "out" / "run.json").read_text())["cells"]
    return cells, len(list((folder / "store" / "answers").glob("*/*/manifest.json")))


def answers(folder: Path, cell: dict[str, Any]) -> list[list[str]]:
    key = cell["evaluations"][0]["answers"]
    rows: list[list[str]] = pq.read_table(folder / "store" / "answers" / key[:2] / key / "answers.parquet")[
        "ranked"
    ].to_pylist()
    return rows


def test_equal_seeds_give_equal_answers_and_other_seeds_others(colour_data: Path, tmp_path: Path) -> None:
    cells, kept = linked(colour_data, tmp_path / "one", str(Path(__file__)), [0, 1, 2])
    again, _ = linked(colour_data, tmp_path / "two", str(Path(__file__)), [0, 1, 2])
    drawn = [answers(tmp_path / "one", cell) for cell in cells]
    assert kept == 3
    assert [answers(tmp_path / "two", cell) for cell in again] == drawn
    assert len({str(rows) for rows in drawn}) == 3


def test_the_report_nests_the_seeds(colour_data: Path, tmp_path: Path) -> None:
    linked(colour_data, tmp_path, str(Path(__file__)), [0, 1, 2])
    (row,) = build(tmp_path / "out").summaries
    assert row.seeds == (0, 1, 2)
    assert row.n == 18


def test_a_linker_that_draws_nothing_is_linked_once_for_all_seeds(colour_data: Path, tmp_path: Path) -> None:
    cells, kept = linked(colour_data, tmp_path, str(Path(__file__).with_name("colour_linker.py")), [0, 1, 2])
    assert kept == 1
    assert len(cells) == 3
