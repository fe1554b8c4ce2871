"""The renderings of one small run, each read back by an independent reader where there is one."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest

from robustmel.report import Report, build

RIGHT, WRONG = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0))
NASTY = "<script>alert(1)</script>|=HYPERLINK(\x1b[31m\u202e\\input{x}_$&%"
SIX = ("pgd-normal", "pgd-strong", "apgd-normal", "apgd-strong", "cw-normal", "cw-strong")


def attacked(run: Any, right: int, **fields: Any) -> None:
    """One linker's cells: all right when clean, `right` of four left by every attack."""
    clean = run.rows([RIGHT] * 4)
    rows = run.rows([RIGHT] * right + [WRONG] * (4 - right))
    for task in ("I2T", "IT2T", "T2T"):
        run.cell("clean", {"clean": (None, clean)}, task=task, **fields)
        for attack in SIX:
            views = {"untouched": (None, clean)} if task == "T2T" else {"image": (run.variant(), rows)}
            run.cell(attack, views, task=task, **fields)


@pytest.fixture
def report(fake_run: Any, ask: Any) -> Report:
    fake_run.questions([ask(number, "a", ["a", "b"], cluster=str(number)) for number in range(4)])
    attacked(fake_run, 1, linker="clip-world")
    attacked(fake_run, 3, linker="clip-world", defence="retlink", source="clip-world behind retlink", white_box=True)
    return build(fake_run.finish())


@pytest.fixture
def nasty(fake_run: Any, ask: Any) -> Report:
    fake_run.questions([ask(0, "a", ["a", "b"])])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT]))}, linker=NASTY, dataset="=1+1")
    fake_run.notes.append(NASTY)
    return build(fake_run.finish())


def test_the_terminal_table_has_the_published_shape(report: Report) -> None:
    lines = report.text(width=130).splitlines()
    assert lines[1].split() == ["Image-to-Text", "Image+Text-to-Text", "Text"]
    assert lines[2].split() == ["RAW", "PGD", "APGD", "CW", "RAW", "PGD", "APGD", "CW", "T2T"]
    assert lines[3].split() == ["dataset", "linker", "defence", *"NSNSNS", *"NSNSNS"]
    assert lines[5].split() == ["toy", "clip-world", "none", "100.0", *["25.0"] * 6, "100.0", *["25.0"] * 6, "100.0"]
    assert lines[6].split() == ["clip-world", "retlink", "100.0", *["75.0"] * 6, "100.0", *["75.0"] * 6, "100.0"]


def test_figures_stand_under_their_headings(report: Report) -> None:
    lines = report.text(width=130).splitlines()
    heads = [found.end() for found in re.finditer(r"\b[NS]\b", lines[3])]
    figures = [found.end() for found in re.finditer(r"\d+\.\d", lines[5])]
    raw_and_text_only = {0, 7, 14}
    assert heads == [end for index, end in enumerate(figures) if index not in raw_and_text_only]


def test_a_narrow_terminal_gets_the_tasks_below_one_another(report: Report) -> None:
    text = report.text(width=80)
    table = text[: text.rindex("───")]
    assert max(map(len, table.splitlines())) <= 80
    assert text.index("Image-to-Text") < text.index("Image+Text-to-Text")
    assert len(re.findall(r"25\.0", table)) == 12


def test_further_attacks_become_further_columns(fake_run: Any, ask: Any) -> None:
    fake_run.questions([ask(0, "a", ["a", "b"])])
    rows = fake_run.rows([RIGHT])
    for attack in ("noise-strong", "clean", "pgd-1/255", "cw-strong", "pgd-normal"):
        fake_run.cell(attack, {"clean" if attack == "clean" else "image": (None, rows)})
    columns = [(column.group, column.label) for column in build(fake_run.finish()).table.columns]
    assert columns == [("RAW", ""), ("PGD", "N"), ("CW", "S"), ("NOISE", "S"), ("PGD", "1/255")]


def test_cells_the_grid_does_not_have_are_dashes(fake_run: Any, ask: Any) -> None:
    fake_run.questions([ask(0, "a", ["a", "b"])])
    rows = fake_run.rows([RIGHT])
    fake_run.cell("clean", {"clean": (None, rows)})
    fake_run.cell("clean", {"clean": (None, rows)}, linker="text only", task="T2T")
    assert [line.split() for line in build(fake_run.finish()).text().splitlines()[5:7]] == [
        ["toy", "ours", "100.0", "–"],
        ["text", "only", "–", "100.0"],
    ]


def test_json_has_one_object_a_row_in_the_agreed_fields(report: Report) -> None:
    rows = json.loads(report.to_json())
    names = "dataset task linker source defence attack poison white_box threat_model budget n correct ties errors accuracy ci_low ci_high hits_at_k mrr seeds"
    assert list(rows[0])[:20] == names.split()
    assert len(rows) == len(report.summaries)
    assert all(
        row["accuracy"] == row["correct"] / row["n"] and row["ci_low"] <= row["accuracy"] <= row["ci_high"] for row in rows
    )


def test_json_is_the_same_bytes_every_time_and_names_no_place(report: Report) -> None:
    again = build(report.run.out, report.run.store.resolve())
    assert again.to_json() == report.to_json()
    assert str(report.run.out) not in report.to_json()
    assert "nowhere" not in report.to_json()


def test_csv_read_back_says_what_json_says(report: Report) -> None:
    lines = list(csv.DictReader(io.StringIO(report.to_csv())))
    rows = json.loads(report.to_json())
    assert [float(line["accuracy"]) for line in lines] == [row["accuracy"] for row in rows]
    assert [float(line["hits_at_3"]) for line in lines] == [row["hits_at_k"]["3"] for row in rows]
    assert [line["attack"] for line in lines] == [row["attack"] for row in rows]


def test_markdown_rows_have_as_many_cells_as_their_heading(report: Report, nasty: Report) -> None:
    for one in (report, nasty):
        tables = [block.splitlines() for block in one.to_markdown().split("\n\n") if block.startswith("|")]
        assert len(tables) == 2
        for table in tables:
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1
    assert "| toy | clip-world | none | 100.0 | 25.0 |" in report.to_markdown()


def test_latex_rows_have_as_many_cells_as_columns(report: Report, nasty: Report) -> None:
    for one in (report, nasty):
        text = one.to_latex()
        columns = re.search(r"begin\{tabular\}\{([lr]+)\}", text)
        assert columns
        for line in text.splitlines():
            if line.endswith(r"\\"):
                spans = sum(int(count) - 1 for count in re.findall(r"multicolumn\{(\d+)\}", line))
                assert len(re.findall(r"(?<!\\)&", line)) + 1 + spans == len(columns[1])
        assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")


def test_nothing_in_the_data_is_code_anywhere(nasty: Report) -> None:
    for shown in (nasty.text(), nasty.to_markdown(), nasty.to_latex(), nasty.to_csv()):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
    assert "<script>" not in nasty.to_markdown()
    assert r"\input" not in nasty.to_latex()
    assert next(csv.DictReader(io.StringIO(nasty.to_csv())))["dataset"] == "'=1+1"
    page = nasty.write_page().read_text()
    assert "alert(1)</script>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "\u202e" not in page


def test_a_latex_table_has_a_short_caption_a_label_and_its_notes_apart(report: Report) -> None:
    text = report.to_latex()
    caption = re.search(r"\\caption\{(.*)\}", text)
    assert caption
    assert len(caption[1]) < 120
    assert re.search(r"\\label\{tab:[a-z0-9-]+\}", text)
    after = text.partition("\\end{table*}\n")[2].splitlines()
    assert after
    assert all(line.startswith("% ") for line in after)
    assert any("n = 4 mentions" in line for line in after)


def test_intervals_stand_below_the_figures_on_request(report: Report) -> None:
    row = next(one for one in report.summaries if one.attack == "pgd-normal" and one.task == "I2T" and one.defence == "none")
    low, high = f"{100 * row.ci_low:.1f}", f"{100 * row.ci_high:.1f}"
    part = report.with_intervals()
    assert f"\\shortstack[r]{{25.0\\\\{{\\scriptsize ({low}--{high})}}}}" in part.to_latex()
    assert f"25.0 ({low}–{high})" in part.text(400)
    assert f"25.0 ({low}–{high})" in part.to_markdown()
    assert "shortstack" not in report.to_latex()
    assert part.to_json() == report.to_json()


def test_options_beside_a_strength_are_a_letter_with_a_legend(fake_run: Any, ask: Any) -> None:
    fake_run.questions([ask(0, "a", ["a", "b"])])
    for attack in ("square-normal (queries=300)", "square-normal (queries=5000)", "pgd-strong (queries=300)", "pgd-normal"):
        fake_run.cell(attack, {"image": (None, fake_run.rows([RIGHT]))})
    report = build(fake_run.finish())
    assert [(column.group, column.label) for column in report.table.columns] == [
        ("PGD", "N"),
        ("SQUARE", "N a"),
        ("SQUARE", "N b"),
        ("PGD", "S a"),
    ]
    assert "SQUARE N b: queries=5000." in report.text()
    assert max(map(len, report.text(200).splitlines()[1:4])) < 70


def test_a_budget_that_no_title_states_stands_in_the_legend(fake_run: Any, ask: Any) -> None:
    """The cells have 8/255, whatever was asked for."""
    fake_run.questions([ask(0, "a", ["a", "b"])])
    for attack in ("clean", "pgd-normal", "pgd", "mine", "pgd-normal (eps=0.034)", "pgd-normal (eps=8/255, steps=3)"):
        fake_run.cell(attack, {"image": (None, fake_run.rows([RIGHT]))})
    assert build(fake_run.finish()).table.legend == (
        "PGD N a: eps=0.034 (budget 8/255).",
        "PGD N b: eps=8/255, steps=3.",
        "Budgets: PGD, MINE 8/255.",
    )


def test_a_table_too_wide_for_the_terminal_goes_on_below_attack_by_attack(fake_run: Any, ask: Any) -> None:
    fake_run.questions([ask(0, "a", ["a", "b"])])
    names = [f"{letter}-{strength}" for letter in "uvwxyz" for strength in ("normal", "strong")]
    for attack in names:
        fake_run.cell(attack, {"image": (None, fake_run.rows([RIGHT]))})
    text = build(fake_run.finish()).text(60)
    table = text[: text.rindex("───")]
    assert max(map(len, table.splitlines())) <= 60
    assert len(re.findall(r"100\.0", table)) == 12
