"""Planted demonstrations and answers, counted by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from robustmel.errors import UsageError
from robustmel.report import build

RIGHT, WRONG = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0))
CLEAN = [["x 0", "y 0"]] * 4 + [["y 0", "x 0"]] * 2 + [None]
POISONED = [["x 0", "y 0"], ["x 1", "y 0"], ["x 1", "y 1"], ["x 1", "y 1"], ["y 0", "x 1"], ["z 0", "x 1"], ["x 1"]]
"""0, 1, 2, 2, 1 are poisoned; then another one is shown, and of the last one the clean answer does not say."""


def planted(fake_run: Any, ask: Any, clean: Any = CLEAN, poisoned: Any = POISONED, poison: str = "some") -> Any:
    fake_run.questions([ask(number, "a", ["a", "b"], cluster=str(number)) for number in range(7)])
    before, after = [RIGHT] * 5 + [WRONG] * 2, [RIGHT, WRONG, WRONG, RIGHT, RIGHT, RIGHT, WRONG]
    for title, answers, demos in (("none", before, clean), (poison, after, poisoned)):
        for seed in (0, 1):
            fake_run.cell("clean", {"clean": (None, fake_run.rows(answers, demos=demos))}, poison=title, seed=seed)
    return build(fake_run.finish())


def test_mentions_are_counted_by_their_poisoned_demonstrations_over_all_seeds(fake_run: Any, ask: Any) -> None:
    table = planted(fake_run, ask).by("poisoned-demos")
    rows = json.loads(table.to_json())
    shown = ("group", "n", "clusters", "unpoisoned_accuracy", "accuracy", "lost", "won", "difference")
    assert [tuple(row[name] for name in shown) for row in rows] == [
        ("0", 2, 1, 1.0, 1.0, 0, 0, 0.0),
        ("1", 4, 2, 1.0, 0.5, 2, 0, -0.5),
        ("2", 4, 2, 1.0, 0.5, 2, 0, -0.5),
        ("other demonstrations", 2, 1, 0.0, 1.0, 0, 2, 1.0),
        ("not said", 2, 1, 0.0, 0.0, 0, 0, 0.0),
    ]
    assert "other demonstrations" in table.text(200)


def test_a_selection_shows_its_rows_beside_the_same_unpoisoned_ones(fake_run: Any, ask: Any) -> None:
    built = planted(fake_run, ask)
    assert len(json.loads(built.select(poison="some").by("poisoned-demos").to_json())) == 5
    assert json.loads(built.select(poison="none").by("poisoned-demos").to_json()) == []


def test_answers_that_do_not_say_are_refused(fake_run: Any, ask: Any) -> None:
    built = planted(fake_run, ask, clean=None, poisoned=None)
    with pytest.raises(UsageError, match="do not say which demonstrations were shown"):
        built.by("poisoned-demos")


def test_a_run_without_poison_is_refused(fake_run: Any, ask: Any) -> None:
    with pytest.raises(UsageError, match="poisons = "):
        planted(fake_run, ask, poison="none").by("poisoned-demos")
