"""The conformance check: quiet about linkers that keep the contract, and able to tell every breach."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.conformance import conformance, position_bias
from robustmel.linkers.trial import trial_set
from robustmel.types import Prediction, Query, Task

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_linker.py"


class Honest:
    """Ranks by how often letters of the text occur in the name; the base of the broken ones below."""

    tasks: ClassVar[tuple[Task, ...]] = ("T2T",)
    version = 1

    def __init__(self, kb: KnowledgeBase, /) -> None:
        self.kb = kb

    def score(self, query: Query, candidate: str) -> float:
        return float(sum(query.text.count(letter) for letter in self.kb[candidate].name))

    def answer(self, query: Query) -> Prediction:
        scores = {one: self.score(query, one) for one in query.candidates}
        ranked = sorted(scores, key=lambda one: -scores[one])
        return Prediction(query.id, tuple(ranked), tuple(scores[one] for one in ranked))

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        return [self.answer(query) for query in queries]


def broken(**changes: Any) -> type[Honest]:
    return type("Broken", (Honest,), changes)


def shuffled(self: Any, queries: Sequence[Query], task: Task) -> list[Prediction]:
    return [self.answer(query) for query in queries][::-1]


def batch_dependent(self: Any, queries: Sequence[Query], task: Task) -> list[Prediction]:
    return [
        Prediction(one.id, one.ranked, tuple(score + len(queries) for score in one.scores)) for one in map(self.answer, queries)
    ]


def changed(change: Callable[[Prediction], Prediction]) -> dict[str, Any]:
    return {"answer": lambda self, query: change(Honest.answer(self, query))}


TICKS = itertools.count()

BREACHES = [
    (broken(link=None), "no method link"),
    (broken(tasks=()), "class attribute tasks"),
    (broken(tasks=("T2I",)), "class attribute tasks"),
    (broken(version="1"), "class attribute version"),
    (broken(__init__=lambda self, kb: setattr(self, "kb", kb)), "positional-only"),
    (broken(__init__=lambda self, kb, /, **rest: setattr(self, "kb", kb)), r"\*\*kwargs"),
    (broken(assets=lambda self: ()), "classmethod"),
    (broken(__init__=lambda self, kb, /: 1 / 0), "cannot be built.*ZeroDivisionError"),
    (broken(link=lambda self, queries, task: [query.id for query in queries]), "list of robustmel.types.Prediction"),
    (
        broken(link=lambda self, queries, task: [self.answer(query) for query in queries if query.candidates]),
        "6 predictions for 7",
    ),
    (broken(link=shuffled), "queries' order"),
    (broken(**changed(lambda one: Prediction(one.id, one.ranked, tuple(-score for score in one.scores)))), "must descend"),
    (broken(**changed(lambda one: Prediction(one.id, one.ranked[:1] * 2, one.scores[:1] * 2))), "twice"),
    (broken(**changed(lambda one: Prediction(one.id, one.ranked, one.scores[1:]))), "scores; give one"),
    (broken(**changed(lambda one: Prediction(one.id, ("Q42", *one.ranked), (99.0, *one.scores)))), 'ranks "Q42"'),
    (broken(**changed(lambda one: Prediction(one.id, one.ranked, (float("nan"),) * len(one.ranked)))), "finite"),
    (broken(**changed(lambda one: Prediction(one.id, error="no idea"))), 'every query.*"no idea"'),
    (broken(score=lambda self, query, one: float(one == query.gold)), "reads query.gold, which does not exist"),
    (broken(score=lambda self, query, one: float(next(TICKS) % 13)), "the second time"),
    (broken(link=batch_dependent), "alone"),
    (broken(score=lambda self, query, one: float(query.candidates.index(one))), "order of the candidates"),
    (broken(score=lambda self, query, one: float(sum(map(ord, query.id)) + sum(map(ord, one)) % 7)), "id of a query"),
    (broken(tasks=("I2T",)), "answers a query without an image"),
    (broken(score=lambda self, query, one: float(query.image is None)), "T2T may read the text alone"),
    (broken(scores=lambda self, queries, task: torch.zeros(len(queries), 6)), "scores contradict the ranking of link"),
    (broken(scores=lambda self, queries, task: torch.zeros(len(queries), 2)), "one column per candidate"),
]


@pytest.mark.parametrize(("linker", "told"), BREACHES, ids=[told for _, told in BREACHES])
def test_a_breach_is_told_in_a_sentence(linker: type[Any], told: str) -> None:
    problems = conformance(linker)
    assert any(re.search(told, problem) for problem in problems), problems
    assert all(problem.count("\n") == 0 for problem in problems)


def test_a_linker_that_keeps_the_contract_has_no_problems() -> None:
    assert conformance(Honest) == []


@pytest.mark.parametrize("form", [torch.tensor, lambda value: np.float32(value), int])
def test_scores_may_be_any_real_numbers(form: Callable[[float], Any]) -> None:
    assert conformance(broken(**changed(lambda one: replace(one, scores=[form(score) for score in one.scores])))) == []


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_the_dual_encoders_keep_it(family: str, clip_folder: Path, siglip_folder: Path) -> None:
    folder = {"clip": clip_folder, "siglip": siglip_folder}[family]
    assert conformance(family, model=str(folder), device="cpu") == []


def test_logits_are_tried_too(clip_folder: Path) -> None:
    clip = LINKERS.load("clip")

    class Detached(clip):  # type: ignore[misc, valid-type]
        def logits(self, *args: Any, **options: Any) -> Any:
            return super().logits(*args, **options).detach()

    class Elsewhere(clip):  # type: ignore[misc, valid-type]
        def logits(self, *args: Any, **options: Any) -> Any:
            return super().logits(*args, **options).flip(1)

    assert any("no gradient" in problem for problem in conformance(Detached, model=str(clip_folder), device="cpu"))
    assert any(
        "contradict the ranking of link" in problem for problem in conformance(Elsewhere, model=str(clip_folder), device="cpu")
    )


def test_a_name_that_does_not_load_is_a_problem_like_any_other(tmp_path: Path) -> None:
    assert conformance("clop") == ['unknown linker "clop". Did you mean "clip"?']
    assert 'parameter "model"' in conformance("clip")[0]
    assert conformance("clip", model=str(tmp_path))[0].startswith(str(tmp_path))
    assert "no file" in conformance("nowhere.py:Linker")[0]


def test_the_example_keeps_the_contract_and_answers_sensibly(tmp_path: Path) -> None:
    assert conformance(f"{EXAMPLE}:MyLinker") == []
    kb, queries = trial_set(tmp_path)
    linker = LINKERS.create(f"{EXAMPLE}:MyLinker", kb)
    for task, least in (("I2T", 4), ("IT2T", 5), ("T2T", 5)):
        right = [
            kb[found.ranked[0]].name == query.surface
            for found, query in zip(linker.link(queries[:5], task), queries, strict=False)
        ]
        assert sum(right) >= least, task


class Drawing(Honest):
    """Lays the candidates out in an order drawn from the query's seed, and likes what comes first."""

    random = True

    def score(self, query: Query, candidate: str) -> float:
        order = random.Random(query.seed).sample(query.candidates, len(query.candidates))
        return -float(order.index(candidate))


def test_a_linker_that_draws_may_depend_on_the_order_of_candidates() -> None:
    assert conformance(Drawing) == []
    assert position_bias(Drawing)["T2T"] > 0.5
    assert position_bias(Honest) == {"T2T": 0.0}


def test_position_bias_is_the_share_of_first_answers_that_the_order_changes() -> None:
    class FirstOfMany(Honest):
        random = True

        def score(self, query: Query, candidate: str) -> float:
            if len(query.candidates) > 3:  # five of the six queries with a choice
                return -float(query.candidates.index(candidate))
            return float(candidate == max(query.candidates))

    assert position_bias(FirstOfMany)["T2T"] == pytest.approx(5 / 6)


@pytest.mark.parametrize(
    ("linker", "told"),
    [
        (type("Undeclared", (Drawing,), {"random": False}), "declares random = True"),
        (type("Deaf", (Drawing,), {"score": Honest.score}), "other values of Query.seed change nothing"),
        (
            type("Ticking", (Drawing,), {"score": lambda self, query, one: float(next(TICKS) % 13)}),
            "the same Query.seed differently",
        ),
    ],
)
def test_a_linker_that_draws_must_draw_from_the_seed_and_say_so(linker: type[Any], told: str) -> None:
    problems = conformance(linker)
    assert any(told in problem for problem in problems), problems


def test_a_linker_that_cannot_be_built_has_no_position_bias() -> None:
    with pytest.raises(UsageError, match="cannot be built"):
        position_bias(broken(__init__=lambda self, kb, /: 1 / 0))
