"""A field of the prompt: the entities whose contexts fit the words best, by arithmetic, and nothing where none fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from robustmel.defences.context_field import ContextField
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Capabilities
from robustmel.types import Entity, Mention, Prediction, Query, Task

KB = KnowledgeBase(Entity(name, name.upper()) for name in "abc")
TRAIN = [
    Mention("1", "a", "X", "X wins the cup"),
    Mention("2", "a", "X", "a race that X wins"),
    Mention("3", "b", "X", "the vote of X"),
    Mention("4", "b", "X", "X wins a vote"),
    Mention("5", "c", "X", "X wins wins wins"),
    Mention("6", None, "X", "X wins a vote"),
    Mention("7", "gone", "X", "X wins a vote"),
]


class Writer:
    """Writes what it reads."""

    tasks: tuple[Task, ...] = ("T2T", "IT2T")
    kb = KB

    def showing(self, part: int, of: int) -> Any:
        return self

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        return [Prediction(query.id, text=query.text) for query in queries]

    def scores(self, queries: Sequence[Query], task: Task) -> Tensor:
        return torch.tensor([[float(len(query.text))] for query in queries])

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "IT2T") -> Tensor:
        return self.scores(queries, task) * pixels.flatten(1)[:, :1]


def query(text: str, candidates: tuple[str, ...] | None = None) -> Query:
    return Query("q", text, "X", None, None, candidates)


def test_the_entities_whose_words_are_likelier_than_usual_follow_the_text_likeliest_first() -> None:
    # Words that count: wins 8 of 14, vote 4, race 1, cup 1; of a: wins 2 of 4; of b: vote 2 and wins 1 of 3; c has one record
    linker: Any = ContextField(KB, prior=1.0, fewest=2).defend(Writer(), train=TRAIN)

    def read(*queries: Query) -> list[str]:
        return [answer.text for answer in linker.link(queries, "T2T")]

    assert read(query("X lost a vote")) == ["X lost a vote"]  # around B "vote" is twice as likely as usual, "lost" a quarter
    assert read(query("a vote on X"), query("the cup of X")) == [
        "a vote on X Usual in this context: B.",
        "the cup of X Usual in this context: A.",
    ]
    assert read(query("X"), query("")) == ["X", ""]


def test_no_more_are_named_than_asked_and_none_that_is_no_candidate() -> None:
    def read(names: int, fewest: int, candidates: tuple[str, ...] | None = None) -> str:
        linker: Any = ContextField(KB, prior=1.0, fewest=fewest, names=names).defend(Writer(), train=TRAIN)
        return str(linker.link([query("X wins", candidates)], "T2T")[0].text)

    assert read(3, 1) == "X wins Usual in this context: C, A."  # 0.87 and 0.49 in place of 0.47; around B it is 0.37
    assert read(1, 1) == "X wins Usual in this context: C."
    assert read(3, 2) == read(3, 1, ("a", "b")) == "X wins Usual in this context: A."
    assert read(3, 2, ("b", "c")) == "X wins"


def test_all_that_the_linker_offers_reads_the_same() -> None:
    linker: Any = ContextField(KB, prior=1.0, fewest=2).defend(Writer(), train=TRAIN)
    asked = [query("a vote on X")]
    longer = float(len(linker.link(asked, "IT2T")[0].text))
    assert linker.scores(asked, "IT2T").tolist() == [[longer]]
    pixels = torch.full((1, 3, 1, 1), 2.0, requires_grad=True)
    linker.logits(pixels, asked, "IT2T").sum().backward()
    assert pixels.grad is not None
    assert pixels.grad.flatten()[0] == longer


def test_what_writes_nothing_has_no_such_defence_and_values_out_of_range_are_told() -> None:
    assert ContextField.capabilities(Capabilities(("T2T",), scores=True)).tasks == ()
    assert ContextField.capabilities(Capabilities(("T2T",), demos=True)).tasks == ("T2T",)
    for wrong in ({"names": 0}, {"prior": 0.0}, {"fewest": 0}):
        with pytest.raises(UsageError, match="defence context-field"):
            ContextField(KB, **wrong)
