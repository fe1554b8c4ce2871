from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from robustmel.errors import UsageError
from robustmel.report import build

RIGHT, WRONG = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0))


@pytest.fixture
def built(fake_run: Any, ask: Any) -> Any:
    """Six mentions of a by name, four by another wording; the attack breaks all of the latter."""
    surfaces = ["Name of a"] * 6 + ["it"] * 4
    fake_run.questions([ask(number, "a", ["a", "b"], surface=one, cluster=str(number)) for number, one in enumerate(surfaces)])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT] * 10))})
    fake_run.cell("pgd-normal", {"image": (fake_run.variant(), fake_run.rows([RIGHT] * 6 + [WRONG] * 3 + ["no_image"]))})
    fake_run.cell("pgd-normal", {"untouched": (None, fake_run.rows([RIGHT] * 10))}, task="T2T")
    return build(fake_run.finish())


def test_groups_have_their_own_figures_and_together_make_the_whole(built: Any) -> None:
    rows = [row for row in json.loads(built.by("surface").to_json()) if row["attack"] == "pgd-normal"]
    assert [(row["group"], row["n"], row["accuracy"], row["clean_accuracy"], row["drop"], row["errors"]) for row in rows] == [
        ("the entity's name", 6, 1.0, 1.0, 0.0, 0),
        ("another wording", 4, 0.0, 1.0, 1.0, 1),
    ]
    whole = next(one for one in built.summaries if one.attack == "pgd-normal")
    assert sum(row["n"] * row["accuracy"] for row in rows) == whole.correct
    assert rows[0]["ci_low"] == pytest.approx(0.025 ** (1 / 6))


def test_a_task_that_reads_no_image_is_left_out(built: Any) -> None:
    assert {row["task"] for row in json.loads(built.by("surface").to_json())} == {"I2T"}


def test_an_empty_group_is_called_empty_and_has_no_figures(built: Any) -> None:
    aside = built.by("popularity:5")
    last = next(line for line in aside.text(120).splitlines() if "pgd-normal" in line)
    assert last.endswith("empty")
    row = next(row for row in json.loads(aside.to_json()) if row["n"] == 0)
    assert [row[key] for key in ("accuracy", "ci_low", "ci_high", "clean_accuracy", "drop")] == [None] * 5
    table = list(csv.DictReader(io.StringIO(aside.to_csv())))
    assert next(line["accuracy"] for line in table if line["n"] == "0") == ""


def test_every_format_shows_the_groups_and_escapes_them(fake_run: Any, ask: Any) -> None:
    fake_run.questions([ask(0, "a", ["a", "b"])])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT]))}, dataset="<b>_$|x", linker="=1+1")
    aside = build(fake_run.finish()).by("surface")
    assert "\\<b\\>\\_\\$\\|x" in aside.to_markdown()
    assert "<b>\\_\\$" in aside.to_latex()
    assert "'=1+1" in aside.to_csv()
    assert "=1+1" in aside.text(200)


def test_a_wide_sheet_goes_on_below_with_its_row_names(built: Any) -> None:
    text = built.by("surface").text(60)
    assert max(len(line) for line in text.splitlines() if "%" not in line) <= 60
    assert text.count("pgd-normal") == 2


def test_an_unknown_slice_is_refused(built: Any) -> None:
    with pytest.raises(UsageError, match="Did you mean"):
        built.by("typ")
