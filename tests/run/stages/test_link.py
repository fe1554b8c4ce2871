from __future__ import annotations

import weakref
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest
from torch import nn

from robustmel.errors import RobustMELError
from robustmel.kb import KnowledgeBase
from robustmel.report.credit import gold_rank
from robustmel.report.results import PlacedPrediction
from robustmel.run.stages.link import PROBE, answers, in_training_mode, link
from robustmel.run.stages.same_answers import agree
from robustmel.types import Entity, Prediction, Query, Task

KNOWN = KnowledgeBase(Entity(name, name) for name in ("a", "b", "c"))


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
    return link(queries(count), ["a"] * count, KNOWN, linker, "T2T", 16, folder, lambda *_: None)


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


def test_the_score_of_a_lone_answer_may_round_and_must_not_be_drawn() -> None:
    sure = Prediction("q", ("a",), (-0.003,))
    assert agree(sure, Prediction("q", ("a",), (-0.003001,)))
    assert not agree(sure, Prediction("q", ("a",), (-0.0035,)))
    assert not agree(sure, Prediction("q", ("b",), (-0.003,)))


def test_two_failures_and_two_nils_agree() -> None:
    assert agree(Prediction("q", error="no_image"), Prediction("q", error="image_decode"))
    assert agree(Prediction("q"), Prediction("q"))


class Answering:
    """Answers every query alike."""

    tasks = ("T2T",)
    version = 1

    def __init__(self, ranked: Sequence[str], scores: Sequence[float]) -> None:
        self.ranked, self.scores = ranked, scores

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        return [Prediction(query.id, self.ranked, self.scores) for query in queries]


def answered(
    kb: KnowledgeBase, ranked: Sequence[str], scores: Sequence[float], gold: str | None, folder: Path
) -> dict[str, Any]:
    query = Query("q", "", "", None, None, None)
    link([query], [gold], kb, Answering(ranked, scores), "T2T", 16, folder, lambda *_: None)
    rows: list[dict[str, Any]] = pq.read_table(folder / "answers.parquet").to_pylist()
    return rows[0]


def test_of_a_long_answer_the_first_hundred_and_the_place_of_the_gold_entity_are_kept(tmp_path: Path) -> None:
    kb = KnowledgeBase(Entity(f"e{number}", "") for number in range(300))
    scores = [-float(number // 2) for number in range(300)]  # pairs of ties
    row = answered(kb, kb.ids, scores, "e250", tmp_path)
    assert row["ranked"] == list(kb.ids[:100])
    assert row["scores"] == scores[:100]
    whole = gold_rank("e250", Prediction("q", kb.ids, tuple(scores)))
    read_back = PlacedPrediction("q", tuple(row["ranked"]), tuple(row["scores"]), above=row["above"], tied=row["tied"])
    assert gold_rank("e250", read_back) == whole == (250, 2)


@pytest.mark.parametrize("gold", [None, "c", "not in the knowledge base"])
def test_a_gold_entity_that_is_not_ranked_has_no_place(gold: str | None, tmp_path: Path) -> None:
    row = answered(KNOWN, ("a", "b"), (1.0, 0.0), gold, tmp_path)
    assert (row["above"], row["tied"]) == (None, None)
    assert gold_rank(gold, PlacedPrediction("q", ("a", "b"), (1.0, 0.0))) == (0, 0)


def test_an_entity_ranked_twice_is_an_error_of_its_row() -> None:
    query = Query("q", "", "", None, None, None)
    [answer] = answers(Answering(("a", "b", "a"), (2.0, 1.0, 0.0)), [query], "T2T", KNOWN)
    assert (answer.ranked, answer.error) == ((), "ranked_twice")


def test_an_open_answer_is_an_entity_of_the_knowledge_base(tmp_path: Path) -> None:
    with pytest.raises(RobustMELError, match='"z", which is not in the knowledge base'):
        answered(KNOWN, ("a", "z"), (1.0, 0.0), "a", tmp_path)


def held(model: Any) -> Any:
    """A defence around a linker around a tower, with a loop back."""
    linker = SimpleNamespace(tower=SimpleNamespace(model=nn.Sequential(nn.Linear(2, 2), model)))
    linker.itself = linker
    return SimpleNamespace(linkers=[linker])


@pytest.mark.parametrize(
    ("model", "expected"),
    [(nn.Dropout(0.1), True), (nn.BatchNorm2d(3), True), (nn.Dropout(0.0), False), (nn.LayerNorm(2), False)],
)
def test_layers_that_act_differently_in_training_are_found(model: nn.Module, expected: bool) -> None:
    assert in_training_mode(held(model)) is expected
    assert not in_training_mode(held(model.eval()))


def test_a_linker_without_models_is_in_no_mode() -> None:
    assert not in_training_mode(object())
    assert not in_training_mode(SimpleNamespace(kb={"a": 1}, names=["x"]))


def test_a_batch_that_failed_holds_no_memory_while_its_queries_are_asked_alone() -> None:
    class Large:
        pass

    class Greedy(Counting):
        def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
            if len(queries) > 1:
                activations = Large()
                held.append(weakref.ref(activations))
                raise MemoryError
            assert held[0]() is None
            return super().link(queries, task)

    held: list[weakref.ref[Large]] = []
    assert [answer.error for answer in answers(Greedy(), queries(2), "T2T")] == [None, None]
