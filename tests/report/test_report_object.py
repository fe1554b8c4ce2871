"""The report as people use it from Python: printed, shown in a notebook, selected from, exported."""

from __future__ import annotations

import builtins
import csv
import io
import json
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image

from robustmel.errors import MissingError, UsageError
from robustmel.report import Report, build

RIGHT, WRONG = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0))


@pytest.fixture
def run(fake_run: Any, ask: Any) -> Any:
    """Two linkers, "<b>bold</b>" and "other", each right on four mentions and broken on some by an attack on itself."""
    fake_run.questions([ask(number, "a", ["a", "b"], cluster=str(number)) for number in range(4)])
    for linker, left in (("<b>bold</b>", 1), ("other", 2)):
        for task in ("I2T", "IT2T"):
            fields = {"linker": linker, "task": task}
            fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT] * 4))}, **fields)
            rows = fake_run.rows([RIGHT] * left + [WRONG] * (4 - left))
            fake_run.cell("pgd-normal", {"image": (fake_run.variant(), rows)}, **fields)
    return fake_run


@pytest.fixture
def report(run: Any) -> Report:
    return build(run.finish())


def test_it_prints_as_its_table(report: Report) -> None:
    assert str(report) == repr(report) == report.text().rstrip("\n")
    assert "25.0" in str(report)


def test_a_selection_holds_the_rows_whose_cells_match(report: Report) -> None:
    part = report.select(linker="other", task=["IT2T", "T2T"])
    rows = json.loads(part.to_json())
    assert rows == [row for row in json.loads(report.to_json()) if (row["linker"], row["task"]) == ("other", "IT2T")]
    assert [row.words for row in part.table.rows] == [("toy", "other")]
    assert [column.task for column in part.table.columns] == ["IT2T", "IT2T"]
    assert part.summaries == report.select(task="IT2T").select(linker="other").summaries


def test_a_selection_is_compared_and_cut_as_the_whole_is(report: Report) -> None:
    whole = json.loads(report.compare("context").to_json())
    part = json.loads(report.select(linker="other").compare("context").to_json())
    assert part == [row for row in whole if row["linker"] == "other"]
    assert {row["linker"] for row in json.loads(report.select(linker="other").by("surface").to_json())} == {"other"}
    assert str(report.compare("context")).startswith("Does the text help under attack?")


def test_a_field_that_cells_do_not_have_is_refused_with_those_they_have(report: Report) -> None:
    with pytest.raises(UsageError, match=r'"linkers".*Did you mean "linker"'):
        report.select(linkers="other")


def test_a_data_frame_says_what_the_csv_says(report: Report) -> None:
    pytest.importorskip("pandas")
    frame = report.to_pandas()
    lines = list(csv.DictReader(io.StringIO(report.to_csv())))
    assert frame["accuracy"].tolist() == [float(line["accuracy"]) for line in lines]
    assert frame["attack"].tolist() == [line["attack"] for line in lines]


def test_without_pandas_it_says_how_to_get_it(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingError, match="pip install pandas"):
        report.to_pandas()


class Shown(HTMLParser):
    """Collects the figures of a page's cells and the sources of its pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.figures: list[str] = []
        self.pictures: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.pictures += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] == ["td"]:
            self.figures.append(data)


def test_in_a_notebook_it_is_a_table_with_pictures_that_needs_nothing_else(fake_run: Any, ask: Any, tmp_path: Any) -> None:
    clean = tmp_path / "clean.png"
    Image.fromarray(np.full((8, 8, 3), 100, np.uint8)).save(clean)
    fake_run.questions(
        [ask(number, "a", ["a", "b"], image=str(clean), text="<i>x</i>", cluster=str(number)) for number in range(20)]
    )
    fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT] * 20))}, linker="<b>bold</b>")
    key = fake_run.variant()
    (images := fake_run.folder("variant", key) / "images").mkdir()
    for asked in fake_run.asked:
        Image.fromarray(np.full((8, 8, 3), 104, np.uint8)).save(images / f"{asked['id']}.png")
    fake_run.cell("pgd-normal", {"image": (key, fake_run.rows([WRONG] * 20))}, linker="<b>bold</b>")
    page = build(fake_run.finish())._repr_html_()
    shown = Shown()
    shown.feed(page)
    assert shown.figures == ["100.0", "0.0"]
    assert len(shown.pictures) == 12
    assert all(picture.startswith("data:image/png;base64,") for picture in shown.pictures)
    assert "<b>bold" not in page
    assert "<i>x" not in page
    assert "&lt;b&gt;bold" in page


def test_on_a_terminal_at_most_twelve_lines_stand_under_the_table(run: Any) -> None:
    run.notes += [f"{number}: " + "a long remark " * 12 for number in range(20)]
    report = build(run.finish())
    under = report.text(100).rpartition("───\n\n")[2].splitlines()
    assert len(under) <= 12
    assert "more notes" in under[-1]
    assert "n = 4 mentions" in "".join(under)
    assert "Errors: none" in "".join(under)
    assert "19: a long remark" in report.to_markdown()


def test_a_mention_that_fails_in_many_cells_is_one_mention(run: Any) -> None:
    for attack in ("apgd-normal", "cw-normal"):
        variant = run.variant([{"status": "error:nan"}, {}, {}, {}])
        run.cell(attack, {"image": (variant, run.rows(["image_decode", "no_image", RIGHT, RIGHT]))}, linker="other")
    assert build(run.finish()).failing() == 2
