from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from robustmel.run.stages.link import PROBE, link
from robustmel.run.stages.same_answers import agree
from robustmel.types import Prediction, Query, Task


def queries(count: int) -> list[Query]:
    return [Query(f"q{number}", "", "", None, None, ("a", "b")) for number in range(count)]


class Counting:
    """Answers with a score that is `drift` higher at every call; notes whom it was asked about."""

    tasks = ("T2T",)
    version = 1

    def __init__(self, drift: float = 0.0) -> None:
        self.drift, self.asked = drift, list[list[str]]()

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        self.asked.append([query.id for query in queries])
        best = 2.0 + self.drift * len(self.asked)
        return [Prediction(query.id, ("a", "b"), (best, 1.0)) for query in queries]


def linked(linker: Any, count: int, folder: Path) -> dict[str, Any]:
    return link(queries(count), linker, "T2T", 16, folder, lambda *_: None)


@pytest.mark.parametrize(("count", "again"), [(1, 1), (8, 2), (100, PROBE)])
def test_a_few_queries_are_asked_again(count: int, again: int, tmp_path: Path) -> None:
    linker = Counting()
    assert linked(linker, count, tmp_path)["deterministic"] is True
    assert linker.asked[-1] == [f"q{number}" for number in range(again)]


@pytest.mark.parametrize(("drift", "expected"), [(0.1, False), (1e-7, True)])
def test_other_scores_are_noticed_and_last_bits_are_not(drift: float, expected: bool, tmp_path: Path) -> None:
    assert linked(Counting(drift), 40, tmp_path)["deterministic"] is expected


def test_after_an_interruption_one_process_is_compared_with_itself(tmp_path: Path) -> None:
    linked(Counting(), 40, tmp_path)
    linker = Counting()
    assert linked(linker, 40, tmp_path)["deterministic"] is True
    assert linker.asked == [[f"q{number}" for number in range(PROBE)]] * 2


def test_of_nothing_nothing_is_said(tmp_path: Path) -> None:
    assert linked(Counting(), 0, tmp_path)["deterministic"] is None


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        (Prediction("q", ("b", "a"), (1.0, 0.0)), False),
        (Prediction("q", ("a", "c"), (1.0, 0.0)), False),
        (Prediction("q", error="no_image"), False),
        (Prediction("q", ("a", "b"), (1.0, 0.00001)), True),
    ],
)
def test_answers_agree_by_entity(again: Prediction, expected: bool) -> None:
    assert agree(Prediction("q", ("a", "b"), (1.0, 0.0)), again) is expected


def test_two_failures_and_two_nils_agree() -> None:
    assert agree(Prediction("q", error="no_image"), Prediction("q", error="image_decode"))
    assert agree(Prediction("q"), Prediction("q"))
