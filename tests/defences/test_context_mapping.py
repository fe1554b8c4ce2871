"""Context mapping: the fit is a ratio of chances by arithmetic, and all that a linker offers agrees on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from robustmel.defences.context_mapping import ContextMapping
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Capabilities
from robustmel.linkers.ranking import ranking
from robustmel.types import Entity, Mention, Prediction, Query, Task

KB = KnowledgeBase(Entity(name, name.upper()) for name in "abc")
TRAIN = [
    Mention("1", "a", "X", "X wins the cup"),
    Mention("2", "a", "X", "a race that X wins"),
    Mention("3", "b", "X", "the vote of X"),
    Mention("4", "b", "X", "X loses a vote"),
    Mention("5", "c", "X", "X wins wins wins"),
]


class Flat:
    """Scores of its own, which a context may move."""

    tasks: tuple[Task, ...] = ("I2T", "T2T", "IT2T")
    logit_scale = 4.0
    kb = KB

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "I2T") -> Tensor:
        return pixels.flatten(1)[:, :3] * 1.0

    def scores(self, queries: Sequence[Query], task: Task) -> Tensor:
        return torch.tensor([[0.1, 0.2, 0.3]] * len(queries))

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        return [ranking(query, row, KB) for query, row in zip(queries, self.scores(queries, task), strict=True)]


def query(text: str, candidates: tuple[str, ...] | None = ("a", "b", "c")) -> Query:
    return Query("q", text, "X", None, None, candidates)


def test_the_fit_is_the_mean_log_ratio_of_a_word_s_chances_divided_by_the_temperature() -> None:
    linker: Any = ContextMapping(KB, weight=2.0, prior=1.0, fewest=2).defend(Flat(), train=TRAIN)
    # words that count: wins cup race wins vote loses vote wins wins wins; five kinds and the unmet one
    usual = {"wins": (5 + 1) / (10 + 6), "vote": (2 + 1) / (10 + 6)}
    of_a = {"wins": (2 + usual["wins"]) / (4 + 1), "vote": usual["vote"] / (4 + 1)}
    of_b = {"wins": usual["wins"] / (3 + 1), "vote": (2 + usual["vote"]) / (3 + 1)}
    fits = [2.0 / 4.0 * np.mean([np.log(chances[word] / usual[word]) for word in usual]) for chances in (of_a, of_b)]
    asked = [query("X wins the vote"), query("X")]
    table = linker.scores(asked, "T2T")
    np.testing.assert_allclose(table[0], [0.1 + fits[0], 0.2 + fits[1], 0.3], rtol=1e-5)  # c has one record alone
    np.testing.assert_allclose(table[1], [0.1, 0.2, 0.3], rtol=1e-5)
    np.testing.assert_allclose(linker.scores(asked, "I2T"), Flat().scores(asked, "I2T"))


@pytest.mark.parametrize("candidates", [("a", "b", "c"), None])
def test_answers_scores_and_gradients_agree(candidates: tuple[str, ...] | None) -> None:
    linker: Any = ContextMapping(KB, weight=3.0, prior=1.0, fewest=2).defend(Flat(), train=TRAIN)
    asked = [query("a vote that X loses", candidates)]
    (answer,) = linker.link(asked, "IT2T")
    expected = ranking(asked[0], linker.scores(asked, "IT2T")[0], KB)
    assert tuple(answer.ranked) == tuple(expected.ranked[:])
    assert answer.ranked[0] == "b"
    np.testing.assert_allclose(answer.scores, expected.scores, rtol=1e-6)
    assert linker.link(asked, "I2T")[0].ranked[0] == "c"
    pixels = torch.tensor([[[[0.1, 0.2], [0.3, 0.4]]]], requires_grad=True)
    linker.logits(pixels, asked, "IT2T")[0, 1].backward()
    assert pixels.grad is not None
    assert pixels.grad.flatten().tolist() == [0, 1, 0, 0]


def test_what_scores_nothing_or_reads_no_text_has_no_such_defence() -> None:
    assert ContextMapping.capabilities(Capabilities(("T2T",))).tasks == ()
    assert ContextMapping.capabilities(Capabilities(("I2T",), scores=True)).tasks == ()
    assert ContextMapping.capabilities(Capabilities(("I2T", "T2T"), scores=True)).tasks == ("I2T", "T2T")
    with pytest.raises(UsageError, match="weight = -1"):
        ContextMapping(KB, weight=-1)
