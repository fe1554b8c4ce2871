from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import statsmodels.api as sm

from robustmel.errors import UsageError
from robustmel.report import build
from robustmel.report.comparisons import QUESTIONS, compare, remarks
from robustmel.report.credit import FIRST, NOWHERE, Credit, Ranks
from robustmel.report.results import Evaluation, ResultCell
from robustmel.report.rows import Row
from robustmel.types import Cell

RIGHT, WRONG = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0))
N = 120


def answers(right: int, first: int = 0) -> list[Any]:
    """`right` of N right, from the mention numbered `first` on."""
    return [RIGHT if first <= number < first + right else WRONG for number in range(N)]


@pytest.fixture
def run(fake_run: Any, ask: Any) -> Any:
    fake_run.questions([ask(number, "a", ["a", "b"], cluster=str(number)) for number in range(N)])
    return fake_run


def both_tasks(run: Any, left: dict[str, int], **fields: Any) -> None:
    """I2T 100 right when clean, IT2T 110, T2T 60; `left` by each attack of (I2T, IT2T image view, IT2T fused view)."""
    for task, right in (("I2T", 100), ("IT2T", 110), ("T2T", 60)):
        run.cell("clean", {"clean": (None, run.rows(answers(right)))}, task=task, **fields)
    run.cell("pgd-normal", {"image": (run.variant(), run.rows(answers(left["I2T"])))}, task="I2T", **fields)
    views = {name: (run.variant(), run.rows(answers(left[name]))) for name in ("image", "fused")}
    run.cell("pgd-normal", views, task="IT2T", **fields)
    run.cell("pgd-normal", {"untouched": (None, run.rows(answers(60)))}, task="T2T", **fields)


def told(run: Any, question: str) -> dict[str, Any]:
    return {
        row["figure"]: row for row in json.loads(build(run.finish()).compare(question).to_json()) if row["attack"] != "clean"
    }


def test_context_is_the_difference_the_difference_in_differences_and_the_gap_to_text_only(run: Any) -> None:
    both_tasks(run, {"I2T": 20, "image": 80, "fused": 50})
    found = told(run, "context")
    values = {key: round(row["value"] * N) for key, row in found.items()}
    assert values == {"attacked": 30, "same-images": 60, "damage": (100 - 20) - (110 - 50), "text-only": -10}
    assert all(row["low"] < row["value"] < row["high"] for row in found.values())
    assert found["attacked"]["verdict"] == "more"
    assert "the text adds 25.0 points" in found["attacked"]["sentence"]
    assert (found["text-only"]["verdict"], found["text-only"]["n"], found["text-only"]["clusters"]) == ("less", N, N)
    assert "the text alone links 8.3 points more (95 % interval 3" in found["text-only"]["sentence"]


def test_the_interaction_has_the_interval_of_the_interaction_in_a_regression(run: Any) -> None:
    """Outcome on task, attack and task x attack, errors clustered by mention."""
    both_tasks(run, {"I2T": 20, "image": 70, "fused": 70})
    counts = [100, 20, 110, 70]
    outcome = np.concatenate([np.arange(N) < count for count in counts]).astype(float)
    task, attack = np.repeat([0, 0, 1, 1], N), np.repeat([0, 1, 0, 1], N)
    design = np.column_stack([np.ones(4 * N), task, attack, task * attack])
    fit = sm.OLS(outcome, design).fit(cov_type="cluster", cov_kwds={"groups": np.tile(np.arange(N), 4)})
    damage = told(run, "context")["damage"]
    assert damage["value"] == pytest.approx(fit.params[3])
    assert (damage["low"], damage["high"]) == pytest.approx(tuple(fit.conf_int()[3]), abs=0.025)


def test_context_is_told_in_a_note_with_intervals(run: Any) -> None:
    both_tasks(run, {"I2T": 20, "image": 80, "fused": 50})
    note = next(one for one in build(run.finish()).notes if one.startswith("Does the text help?"))
    assert "ours on toy under pgd-normal, the grid's first attack: yes, the text adds 25.0 points" in note
    assert note.count("95 % interval") == 3


def test_a_difference_of_nothing_is_called_so_with_its_margin_and_not_where_few_were_asked(run: Any, fake_run: Any) -> None:
    both_tasks(run, {"I2T": 60, "image": 60, "fused": 60})
    few = told(run, "context")["text-only"]
    assert (few["value"], few["verdict"]) == (0.0, "undecided")  # 120 mentions cannot show that it lies within 2 points


def test_many_mentions_that_agree_do_show_that_there_is_no_difference(fake_run: Any, ask: Any) -> None:
    count = 400
    fake_run.questions([ask(number, "a", ["a", "b"], cluster=str(number)) for number in range(count)])
    rows = fake_run.rows([RIGHT] * (count // 2) + [WRONG] * (count // 2))
    for task in ("I2T", "IT2T"):
        fake_run.cell("clean", {"clean": (None, rows)}, task=task)
    (row,) = json.loads(build(fake_run.finish()).compare("context").to_json())
    assert (row["figure"], row["verdict"], row["margin"]) == ("clean", "none", 0.02)
    assert "on clean images the text changes nothing within 2 points" in row["sentence"]


def test_a_defence_is_told_by_what_it_saves_costs_and_keeps_of_what_both_link(run: Any) -> None:
    run.cell("clean", {"clean": (None, run.rows(answers(100)))})
    run.cell("clean", {"clean": (None, run.rows(answers(80)))}, defence="retlink")
    run.cell("pgd-normal", {"image": (run.variant(), run.rows(answers(20)))})
    run.cell("pgd-normal", {"image": (run.variant(), run.rows(answers(60)))}, defence="retlink")
    report = build(run.finish())
    rows = json.loads(report.compare("defence").to_json())
    assert {(row["attack"], row["figure"]): round(row["value"], 6) for row in rows} == {
        ("clean", "clean"): round(-20 / N, 6),
        ("pgd-normal", "attacked"): round(40 / N, 6),
        ("pgd-normal", "saved"): round(((100 - 20) - (80 - 60)) / N, 6),
        ("pgd-normal", "kept"): round((60 - 20) / 80, 6),
    }
    assert next(row["n"] for row in rows if row["figure"] == "kept") == 80
    assert any(one.startswith("Does the defence help? ours behind retlink I2T on toy") for one in report.notes)


def test_linkers_are_compared_pair_by_pair_when_asked(run: Any) -> None:
    for linker, clean, left in (("one", 100, 50), ("two", 60, 50), ("three", 100, 0)):
        run.cell("clean", {"clean": (None, run.rows(answers(clean)))}, linker=linker, source="none")
        run.cell("pgd-normal", {"image": (run.variant(), run.rows(answers(left)))}, linker=linker, source=linker)
    rows = [row for row in json.loads(build(run.finish()).compare("linker").to_json()) if row["attack"] == "pgd-normal"]
    assert {(row["linker"], row["against"]) for row in rows} == {("one", "two"), ("one", "three"), ("two", "three")}
    kept = {(row["linker"], row["against"]): row for row in rows if row["figure"] == "kept"}
    assert (kept["one", "two"]["n"], kept["one", "two"]["value"]) == (60, 0.0)
    assert (kept["one", "three"]["n"], kept["one", "three"]["value"]) == (100, 0.5)


def test_what_was_asked_other_questions_is_not_compared(run: Any, ask: Any) -> None:
    run.cell("clean", {"clean": (None, run.rows(answers(100)))}, task="I2T")
    run.questions([ask(number, "a", ["a", "b"]) for number in range(3)])
    run.cell("clean", {"clean": (None, run.rows([RIGHT] * 3))}, task="IT2T")
    assert json.loads(build(run.finish()).compare("context").to_json()) == []


@pytest.mark.parametrize("question", QUESTIONS)
def test_with_nothing_to_compare_every_format_says_so_or_is_empty(run: Any, question: str) -> None:
    run.cell("clean", {"clean": (None, run.rows(answers(100)))})
    aside = build(run.finish()).compare(question)
    assert "Nothing to show" in aside.text()
    assert "Nothing to show" in aside.to_markdown()
    assert (aside.to_csv(), json.loads(aside.to_json())) == ("", [])


def test_an_unknown_question_is_refused(run: Any) -> None:
    with pytest.raises(UsageError, match="Did you mean"):
        build(run.finish()).compare("contex")


def test_the_attack_of_a_note_is_the_grid_s_first_whatever_the_others_leave(run: Any) -> None:
    for task, right in (("I2T", 100), ("IT2T", 110)):
        run.cell("clean", {"clean": (None, run.rows(answers(right)))}, task=task)
        for attack, left in (("pgd-normal", 60), ("apgd-normal", 5), ("cw-normal", 90)):
            run.cell(attack, {"image": (run.variant(), run.rows(answers(left)))}, task=task)
    (note,) = (note for note in build(run.finish()).notes if note.startswith("Does the text help?"))
    assert "under pgd-normal, the grid's first attack" in note


class Drawn:
    """What mentions earned in a run without a difference: every cell is right on half of them, drawn anew."""

    def __init__(self, attacks: int, seed: int) -> None:
        self.draw = np.random.default_rng(seed)
        cells = [
            ResultCell(
                Cell("toy", task, "ours", "none", "ours", f"attack {number}", "none", 0), True, f"attack {number}", "", "image",
                f"model {number}", "8/255", (), "candidates", (Evaluation("image", "v", f"{task} {number}"),),
            )
            for number in range(attacks) for task in ("I2T", "IT2T")
        ]  # fmt: skip
        self.run = SimpleNamespace(cells=tuple(cells))
        self.known: dict[Cell, Credit] = {}

    def row(self, row: Row) -> Credit:
        if row.cell not in self.known:
            right = (self.draw.random(40) < 0.5).astype(np.int32)
            self.known[row.cell] = Credit(((Ranks((NOWHERE, FIRST), right, ()),),))
        return self.known[row.cell]

    def row_against(self, row: Row, name: str) -> None:
        return None

    def clean(self, row: Row, task: str = "") -> None:
        return None

    def clusters(self, cell: ResultCell) -> Any:
        return np.arange(40)


@pytest.mark.parametrize("attacks", [3, 9])
def test_where_the_text_changes_nothing_few_reports_say_that_it_does(attacks: int) -> None:
    reports, told, marked = 120, 0, 0
    for seed in range(reports):
        drawn = Drawn(attacks, seed)
        compared = compare(cast(Any, drawn), "context")
        rows = [SimpleNamespace(cell=row.cell, worst_case=False, control=False, untouched=False) for row in compared]
        told += "undecided" not in remarks(compared, cast(Any, rows))[0]
        marked += any(row.verdict in ("more", "less") for row in compared)
    most = 0.05 * reports + 2 * (0.05 * 0.95 * reports) ** 0.5
    assert told <= most
    assert marked <= most


def test_a_difference_that_many_comparisons_could_have_brought_is_undecided_and_says_why(run: Any) -> None:
    for number in range(12):
        for task, right in (("I2T", 60), ("IT2T", 66 if number == 0 else 60)):
            run.cell(
                f"pgd-{number}", {"image": (run.variant(), run.rows(answers(right)))}, task=task, threat_model=f"m{number}"
            )
    rows = {row["attack"]: row for row in json.loads(build(run.finish()).compare("context").to_json())}
    shown = rows["pgd-0"]
    assert shown["low"] > 0
    assert shown["p_value"] > 0.05
    assert shown["verdict"] == "undecided"
    assert "adjusted for 12 comparisons" in shown["sentence"]
    (note,) = (note for note in build(run.finish()).notes if note.startswith("Does the text help?"))
    assert "undecided (5.0 points; 95 % interval" in note
    assert "adjusted for 12 comparisons" in note


def test_a_large_difference_is_seen_among_many_comparisons(fake_run: Any, ask: Any) -> None:
    """Half of 32 mentions, all one way: an exact test is sure of it however many others are made."""
    fake_run.questions([ask(number, "a", ["a", "b"], cluster=str(number)) for number in range(32)])
    for number in range(20):
        for task, right in (("I2T", 1), ("IT2T", 17)):
            rows = fake_run.rows([RIGHT] * right + [WRONG] * (32 - right))
            fake_run.cell(f"pgd-{number}", {"image": (fake_run.variant(), rows)}, task=task, threat_model=f"m{number}")
    rows = json.loads(build(fake_run.finish()).compare("context").to_json())
    assert {row["verdict"] for row in rows} == {"more"}
    assert all(row["p_value"] <= 20 * 0.0003 for row in rows)


def test_a_poisoned_linker_is_compared_with_itself_unpoisoned_and_the_same_counts_as_none(run: Any) -> None:
    for linker, right in (("one", 100), ("two", 60)):
        run.cell("clean", {"clean": (None, run.rows(answers(right)))}, linker=linker)
        run.cell("clean", {"clean": (None, run.rows(answers(right - 30)))}, linker=linker, poison="loud")
        run.cell("clean", {"clean": (None, run.rows(answers(right)))}, linker=linker, poison="soft")
    rows = {(row["linker"], row["poison"]): row for row in json.loads(build(run.finish()).compare("poison").to_json())}
    assert {key: round(row["value"] * N) for key, row in rows.items()} == {
        ("one", "loud"): -30, ("one", "soft"): 0, ("two", "loud"): -30, ("two", "soft"): 0,
    }  # fmt: skip
    assert rows["one", "loud"]["verdict"] == "less"
    assert "25.0 points fewer are linked after the poison" in rows["one", "loud"]["sentence"]
    assert rows["two", "soft"]["figure"] == "clean"
    assert rows["two", "soft"]["against"] == "no poison"
    assert rows["two", "soft"]["verdict"] in ("none", "undecided")
