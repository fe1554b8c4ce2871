from __future__ import annotations

from typing import Any

import pytest

from robustmel.report import Report, build
from robustmel.report.page.sections import sections

NASTY = "<img src=x onerror=alert(1)>"
RIGHT, WRONG = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0))


@pytest.fixture
def run(fake_run: Any, ask: Any) -> Any:
    """Thirty mentions, half of them by name, of a linker with an awkward name, with and without a defence."""
    surfaces = ["Name of a", "it"] * 15
    fake_run.questions([ask(number, "a", ["a", "b"], surface=one, cluster=str(number)) for number, one in enumerate(surfaces)])
    for defence, left in (("none", 6), ("retlink", 20)):
        for task in ("I2T", "IT2T"):
            fields = {"linker": NASTY, "source": NASTY, "defence": defence, "task": task}
            fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT] * 30))}, **fields)
            rows = fake_run.rows([RIGHT] * left + [WRONG] * (30 - left))
            fake_run.cell("pgd-normal", {"image": (fake_run.variant(), rows)}, **fields)
    return fake_run


def made(run: Any) -> Report:
    return build(run.finish())


def test_the_page_has_comparisons_and_kinds_of_mention_and_escapes_them(run: Any) -> None:
    page = made(run).write_page().read_text("utf-8")
    for title in ("Does the text help under attack?", "What does the defence save?", "Where it breaks: by kind of mention"):
        assert f"<h2>{title}</h2>" in page
    assert "Accuracy by wording of the mention" in page
    assert "Accuracy by type" not in page  # nothing is known of types here: one group would repeat the table
    assert "the attack costs 46.7 points less with it" in page
    assert NASTY not in page


def test_a_note_and_a_sentence_of_the_page_are_not_said_twice(run: Any) -> None:
    report = made(run)
    assert sum(note.startswith("Does the defence help?") for note in report.notes) == 2
    assert report.write_page().read_text("utf-8").count("Does the defence help?") == 2


def test_with_nothing_to_say_there_is_no_part(fake_run: Any, ask: Any) -> None:
    fake_run.questions([ask(0, "a", ["a", "b"], surface="Name of a")])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT]))})
    report = build(fake_run.finish())
    titles = [one.title for one in sections(report)]
    assert "Does the text help under attack?" not in titles
    assert "What does the defence save?" not in titles
