"""Rows by victim and source, and what an attack leaves untouched."""

from __future__ import annotations

from typing import Any

import pytest

from robustmel.report import Report, build

RIGHT, WRONG = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0))


def answers(run: Any, right: int) -> str:
    return str(run.rows([RIGHT] * right + [WRONG] * (4 - right)))


@pytest.fixture
def asked(fake_run: Any, ask: Any) -> Any:
    fake_run.questions([ask(number, "a", ["a", "b"], cluster=str(number)) for number in range(4)])
    return fake_run


def table(report: Report) -> list[list[str]]:
    """Headings and lines of the table in Markdown, as an independent reader sees them."""
    block = report.to_markdown().split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in (block[0], *block[2:])]


def test_the_adaptive_and_the_static_protocol_are_rows(asked: Any) -> None:
    clean = {"none": answers(asked, 4), "jpeg": answers(asked, 3)}
    for defence, rows in clean.items():
        asked.cell("clean", {"clean": (None, rows)}, defence=defence)
        asked.cell("noise", {"image": (asked.variant(), rows)}, defence=defence, source="none", threat_model="noise")
    for defence, source, left, white in (
        ("none", "ours", 0, True),
        ("jpeg", "ours behind jpeg", 1, True),
        ("jpeg", "ours undefended", 2, False),
    ):
        rows = {"image": (asked.variant(), answers(asked, left))}
        asked.cell("pgd-normal", rows, defence=defence, source=source, white_box=white)
    report = build(asked.finish())
    headings, *lines = table(report)
    assert headings[:4] == ["dataset", "linker", "defence", "source"]
    assert lines == [
        ["toy", "ours", "none", "itself", "100.0", "0.0", "100.0"],
        ["toy", "ours", "jpeg", "itself", "75.0", "25.0", "75.0"],
        ["toy", "ours", "jpeg", "ours undefended", "75.0", "50.0", "75.0"],
    ]
    assert [one.white_box for one in report.summaries if one.attack == "pgd-normal"] == [True, True, False]


@pytest.mark.parametrize("linker", ["ours behind glass", "ours undefended"])
def test_a_linker_may_be_labelled_with_the_words_that_sources_are_titled_with(asked: Any, linker: str) -> None:
    for source, white_box, left in ((linker, True, 0), (f"{linker} behind jpeg", False, 1), ("ours", False, 2)):
        rows = {"image": (asked.variant(), answers(asked, left))}
        about = {"source": source, "source_linker": source.removesuffix(" behind jpeg"), "white_box": white_box}
        asked.cell("pgd-normal", rows, linker=linker, **about)
    assert [(line[0], *line[-2:]) for line in table(build(asked.finish()))[1:]] == [
        ("toy", "itself", "0.0"),
        ("toy", f"{linker} behind jpeg", "25.0"),
    ]


def test_a_poisoned_linker_has_a_row_of_its_own_against_its_own_clean_figure(asked: Any) -> None:
    for poison, before, after in (("none", 4, 2), ("flipped", 3, 0)):
        asked.cell("clean", {"clean": (None, answers(asked, before))}, poison=poison)
        asked.cell("pgd-normal", {"image": (asked.variant(), answers(asked, after))}, poison=poison)
    report = build(asked.finish())
    assert table(report) == [
        ["dataset", "linker", "poison", "I2T RAW", "I2T PGD N"],
        ["toy", "ours", "none", "100.0", "50.0"],
        ["toy", "ours", "flipped", "75.0", "0.0"],
    ]
    assert {one.poison: one.drop for one in report.summaries if one.attack != "clean"} == {"none": 0.5, "flipped": 0.75}


@pytest.fixture
def mixed(asked: Any) -> Report:
    """An attack on images and one on texts: each leaves one task untouched."""
    for task, before in (("I2T", 4), ("IT2T", 4), ("T2T", 3)):
        clean = answers(asked, before)
        asked.cell("clean", {"clean": (None, clean)}, task=task)
        for attack, modality, untouched, left in (("pgd-normal", "image", "T2T", 1), ("clare", "text", "I2T", 2)):
            touched = {modality: (asked.variant(), answers(asked, left))}
            evaluations = {"untouched": (None, clean)} if task == untouched else touched
            fields = {"modality": modality, "threat_model": "linf" if modality == "image" else "text"}
            asked.cell(attack, evaluations, task=task, **fields)
    return build(asked.finish())


def test_what_an_attack_leaves_untouched_is_in_brackets_and_never_called_attacked(mixed: Report) -> None:
    headings, line = table(mixed)
    shown = dict(zip(headings, line, strict=True))
    assert (shown["I2T PGD N"], shown["I2T CLARE"]) == ("25.0", "(100.0)")
    assert (shown["T2T PGD N"], shown["T2T CLARE"]) == ("(75.0)", "50.0")
    assert any("clare cannot change the input of I2T" in note for note in mixed.notes)
    for one in mixed.summaries:
        if one.untouched:
            assert (one.drop, one.kept, one.attack_success, one.p_value) == (None, None, None, None)


def test_what_is_untouched_enters_no_comparison_and_no_flag(mixed: Report) -> None:
    assert {(flag.task, flag.attack) for flag in mixed.flags}.isdisjoint({("T2T", "pgd-normal"), ("I2T", "clare")})
    compared = mixed.compare("context").records
    assert {row["attack"] for row in compared} == {"clean", "pgd-normal"}  # the text attack has no I2T to compare with


def test_a_task_that_no_attack_touches_keeps_its_single_column(asked: Any) -> None:
    for task in ("I2T", "T2T"):
        clean = answers(asked, 4)
        asked.cell("clean", {"clean": (None, clean)}, task=task)
        attacked = {"untouched": (None, clean)} if task == "T2T" else {"image": (asked.variant(), answers(asked, 1))}
        asked.cell("pgd-normal", attacked, task=task)
    columns = build(asked.finish()).table.columns
    assert [(column.task, column.group, column.label) for column in columns] == [
        ("I2T", "RAW", ""),
        ("I2T", "PGD", "N"),
        ("T2T", "T2T", ""),
    ]
