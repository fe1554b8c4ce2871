from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import pytest

from robustmel.report import build
from robustmel.report.side_tables import sentence
from robustmel.report.statistics import contrast, interval
from robustmel.report.transfer import Matrix
from robustmel.types import Cell

RIGHT, WRONG = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0))
N = 12


def answers(*wrong: int) -> list[Any]:
    return [WRONG if number in wrong else RIGHT for number in range(N)]


LEFT_WRONG = {
    ("one", "one"): range(10),
    ("one", "two"): (0, 1),
    ("two", "one"): (3,),
    ("two", "two"): range(1, N),
    ("others", "one"): (3, 4, 5),
    ("others", "two"): (0, 1, 2),
}
"""(source, victim) -> mentions that are wrong; on clean images linker one is wrong on mention 11, two on none."""


@pytest.fixture
def crossed(fake_run: Any, ask: Any) -> Any:
    """Twelve mentions of six entities; two linkers, each the other's source, an ensemble, and noise."""
    fake_run.questions([ask(number, "a", ["a", "b"], cluster=f"group {number // 2}") for number in range(N)])
    for linker, missed in {"one": [11], "two": []}.items():
        fake_run.cell("clean", {"clean": (None, fake_run.rows(answers(*missed)))}, linker=linker, source="none")
    for (source, linker), broken in LEFT_WRONG.items():
        key = fake_run.variant()
        fake_run.cell("pgd-normal", {"image": (key, fake_run.rows(answers(*broken)))}, linker=linker, source=source)
    for linker, wrong in (("one", (11,)), ("two", (5,))):
        rows = fake_run.rows(answers(*wrong))
        fake_run.cell("noise-normal", {"image": (fake_run.variant(), rows)}, linker=linker, source="none", threat_model="noise")
    return fake_run


def victim(linker: str, defence: str = "none") -> Cell:
    return Cell("toy", "I2T", linker, defence)


def found(run: Any) -> list[Matrix]:
    return build(run.finish()).matrices


def test_a_matrix_has_sources_as_rows_and_victims_as_columns(crossed: Any) -> None:
    (matrix,) = found(crossed)
    assert matrix.sources == ("one", "two", "others", "noise-normal")
    assert matrix.victims == (victim("one"), victim("two"))
    assert len(matrix.cells) == 8
    assert [place for place, one in matrix.cells.items() if one.white_box] == [
        ("one", victim("one")),
        ("two", victim("two")),
    ]


def test_figures_are_those_computed_by_hand(crossed: Any) -> None:
    (matrix,) = found(crossed)
    own, other = matrix.cells["one", victim("one")], matrix.cells["two", victim("one")]
    assert own.n == N
    assert own.accuracy == pytest.approx(2 / 12)
    assert own.clean_accuracy == pytest.approx(11 / 12)
    assert own.attack_success == pytest.approx(10 / 11)  # of the eleven that were right
    assert other.attack_success == pytest.approx(1 / 11)
    groups = np.array([number // 2 for number in range(N)])
    broken = np.array([[1.0 if number == 3 else 0.0 for number in range(11)]])
    expected = interval(broken, groups[:11])
    assert expected is not None
    assert (other.success_low, other.success_high) == pytest.approx(tuple(expected))


def test_the_distance_is_that_of_the_same_mentions(crossed: Any) -> None:
    (matrix,) = found(crossed)
    diagonal = matrix.diagonal
    assert diagonal is not None
    assert (diagonal.victims, diagonal.pairs) == (2, 2)
    assert diagonal.clean == pytest.approx((11 / 12 + 1) / 2)
    assert diagonal.white_box == pytest.approx((2 / 12 + 1 / 12) / 2)
    assert diagonal.foreign == pytest.approx((11 / 12 + 10 / 12) / 2)
    assert diagonal.ensembles == {"others": pytest.approx(9 / 12)}
    assert diagonal.control == pytest.approx(11 / 12)
    assert diagonal.carried == pytest.approx((23 / 24 - 21 / 24) / (23 / 24 - 3 / 24))
    others = np.array([[0.5 * (number != 3) + 0.5 * (number > 1) for number in range(N)]])
    own = np.array([[0.5 * (number >= 10) + 0.5 * (number < 1) for number in range(N)]])
    expected = contrast([others], [own], np.array([number // 2 for number in range(N)]))
    assert diagonal.gap is not None
    assert expected is not None
    assert diagonal.gap.interval() == pytest.approx(expected.interval())


def test_the_sentence_says_how_far_from_the_diagonal(crossed: Any) -> None:
    (matrix,) = found(crossed)
    said = sentence(matrix)
    assert "12.5 % of the mentions stay linked on the linker's own images, 87.5 % on another linker's" in said
    assert "75.0 points apart (95 % interval" in said
    assert "75.0 % on images made on all others together" in said
    assert "91.7 % under noise of the same size" in said
    assert "Another linker's images break 10.0 %" in said


def test_a_grid_of_white_boxes_has_no_matrix(crossed: Any) -> None:
    crossed.cells = [cell for cell in crossed.cells if cell["source"] in ("none", cell["linker"])]
    assert found(crossed) == []
    assert "Transfer" not in build(crossed.finish()).text()


def test_one_source_alone_has_no_matrix(crossed: Any) -> None:
    crossed.cells = [cell for cell in crossed.cells if cell["source"] in ("none", "one")]
    assert found(crossed) == []


def test_noise_of_another_size_stays_out(crossed: Any) -> None:
    for cell in crossed.cells:
        if cell["attack"] == "noise-normal":
            cell["budget"] = "4/255"
    (matrix,) = found(crossed)
    assert matrix.sources == ("one", "two", "others")
    assert matrix.diagonal is not None
    assert matrix.diagonal.control is None


def test_a_defended_victim_is_no_white_box_of_its_undefended_self(crossed: Any) -> None:
    rows = crossed.rows(answers(0))
    crossed.cell("clean", {"clean": (None, rows)}, linker="one", source="none", defence="guard")
    crossed.cell("pgd-normal", {"image": (crossed.variant(), rows)}, linker="one", source="one", defence="guard")
    (matrix,) = found(crossed)
    assert not matrix.cells["one", victim("one", "guard")].white_box
    assert matrix.diagonal is not None
    assert matrix.diagonal.victims == 2
    assert ("two", victim("one", "guard")) not in matrix.cells  # a pair the grid has not


def test_a_linker_without_gradients_is_a_victim_and_no_source(crossed: Any) -> None:
    rows = crossed.rows(answers(7))
    crossed.cell("clean", {"clean": (None, crossed.rows(answers()))}, linker="closed", source="none")
    for source in ("one", "two"):
        crossed.cell("pgd-normal", {"image": (crossed.variant(), rows)}, linker="closed", source=source)
    (matrix,) = found(crossed)
    assert matrix.sources[:2] == ("one", "two")
    assert victim("closed") in matrix.victims
    assert matrix.diagonal is not None
    assert matrix.diagonal.pairs == 2  # the distance is between figures of the same victims


def test_every_format_shows_it(crossed: Any) -> None:
    report = build(crossed.finish())
    for shown in (report.text(160), report.to_markdown(), report.to_latex()):
        assert "others" in shown
        assert "points apart" in shown
    assert "[90.9 (" in report.text(160)
    assert "\\begin{table*}" in report.transfer.to_latex()
    rows = json.loads(report.transfer.to_json())
    assert len(rows) == 8
    assert {(row["source"], row["linker"], row["white_box"]) for row in rows} >= {("one", "one", True), ("one", "two", False)}
    lines = list(csv.DictReader(io.StringIO(report.transfer.to_csv())))
    assert [line["source"] for line in lines] == [row["source"] for row in rows]


def test_the_main_table_shows_each_linker_s_own(crossed: Any) -> None:
    report = build(crossed.finish())
    shown = {(row.words[1], cell.attack): cell.source for row in report.table.rows for cell in row.cells if cell}
    assert shown["one", "pgd-normal"] == "one"
    assert shown["two", "pgd-normal"] == "two"
    assert any("images were made on 3 sources" in note for note in report.notes)


def test_the_page_shows_it_framed_where_it_is_the_linker_s_own(crossed: Any) -> None:
    page = build(crossed.finish()).write_page().read_text("utf-8")
    assert page.count('class="h9 own"') == 2
    assert "nobody (noise-normal)" in page
    assert "points apart" in page


def test_names_are_escaped_on_the_page(crossed: Any) -> None:
    for cell in crossed.cells:
        cell["source"] = cell["source"].replace("others", "<script>alert(1)</script>")
    page = build(crossed.finish()).write_page().read_text("utf-8")
    assert "<script>alert" not in page


def test_images_of_the_image_s_score_are_no_white_box_for_the_fused_one(crossed: Any) -> None:
    for cell in crossed.cells:
        cell["task"] = "IT2T"
    assert "no white-box attack on image and text" in " ".join(build(crossed.finish()).text(200).split())
