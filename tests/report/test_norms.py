from __future__ import annotations

import json
from typing import Any

import pytest

from robustmel.report import build
from robustmel.report.norms import Curve
from robustmel.report.plots import norm_plots

RIGHT, WRONG = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0))


def norms(run: Any) -> list[Curve]:
    return build(run.finish()).curves


@pytest.fixture
def short(fake_run: Any, ask: Any) -> Any:
    """Five mentions: one wrong when clean, three broken at lengths 1, 2 and 4, one that holds; an attack without a bound."""
    fake_run.questions([ask(number, "a", ["a", "b"], cluster=str(number)) for number in range(5)])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([WRONG, RIGHT, RIGHT, RIGHT, RIGHT]))})
    lengths = (0.0, 1.0, 2.0, 4.0, 0.0)
    key = fake_run.variant([{"l2_u8": length, "linf_u8": length / 100} for length in lengths])
    rows = fake_run.rows([WRONG, WRONG, WRONG, WRONG, RIGHT])
    fake_run.cell("fmn-l2", {"image": (key, rows)}, threat_model="l2-minimal", budget="none set")
    return fake_run


def test_a_curve_counts_who_is_wrong_within_the_norm(short: Any) -> None:
    (curve,) = norms(short)
    assert curve.norm == "l2"
    assert dict(zip(curve.norms, curve.broken, strict=True)) == {0.0: 0.2, 1.0: 0.4, 2.0: 0.6, 4.0: 0.8}
    assert [curve.reaches(share) for share in (0.1, 0.3, 0.6, 0.8, 0.9)] == [0.0, 1.0, 2.0, 4.0, None]


def test_the_norm_is_the_attack_s_own(short: Any) -> None:
    short.cells[1]["threat_model"] = "linf-minimal"
    (curve,) = norms(short)
    assert curve.norm == "linf"
    assert curve.norms == pytest.approx((0.0, 0.01, 0.02, 0.04))


@pytest.mark.parametrize(("threat_model", "drawn"), [("linf", 0), ("noise", 0), ("corruption", 0), ("l2", 1)])
def test_attacks_with_a_budget_and_controls_have_none(short: Any, threat_model: str, drawn: int) -> None:
    short.cells[1]["threat_model"] = threat_model
    assert len(norms(short)) == drawn


def test_of_two_images_the_shorter_that_breaks_counts(short: Any) -> None:
    short.cells[0]["task"] = short.cells[1]["task"] = "IT2T"
    key = short.variant([{"l2_u8": length} for length in (3.0, 0.5, 3.0, 3.0, 3.0)])
    rows = short.rows([RIGHT, WRONG, WRONG, RIGHT, WRONG])
    short.cells[1]["evaluations"].append({"name": "fused", "variant": key, "answers": rows})
    (curve,) = norms(short)
    at = dict(zip(curve.norms, curve.broken, strict=True))
    assert at == {0.0: 0.2, 0.5: 0.4, 2.0: 0.6, 3.0: 0.8, 4.0: 1.0, 1.0: 0.4}


def test_a_mention_wrong_when_clean_needs_no_change_whoever_the_source_was(short: Any) -> None:
    """Shown images made on another linker, the victim may be wrong on the clean image and on a changed one."""
    key = short.variant([{"l2_u8": 3.0} for _ in range(5)])
    rows = short.rows([WRONG, RIGHT, RIGHT, RIGHT, WRONG])
    short.cell("fmn-l2", {"image": (key, rows)}, threat_model="l2-minimal", budget="none set", source="other")
    transferred = norms(short)[1]
    assert dict(zip(transferred.norms, transferred.broken, strict=True)) == {0.0: 0.2, 3.0: 0.4}


def test_what_was_not_attacked_keeps_its_own_image(short: Any) -> None:
    key = short.variant([{"status": "skipped:one_candidate", "l2_u8": None, "linf_u8": None}] * 5)
    short.cells[1]["evaluations"] = [
        {"name": "image", "variant": key, "answers": short.rows([WRONG, RIGHT, RIGHT, RIGHT, RIGHT])}
    ]
    (curve,) = norms(short)
    assert (curve.norms, curve.broken) == ((0.0,), (0.2,))
    assert norm_plots(build(short.finish()).summaries, [curve]) == []


def test_seeds_are_averaged(short: Any) -> None:
    key = short.variant([{"l2_u8": 8.0} for _ in range(5)])
    rows = short.rows([WRONG, WRONG, WRONG, WRONG, WRONG])
    short.cell("fmn-l2", {"image": (key, rows)}, threat_model="l2-minimal", budget="none set", seed=1)
    (curve,) = norms(short)
    assert curve.broken[curve.norms.index(4.0)] == pytest.approx((0.8 + 0.2) / 2)
    assert curve.broken[-1] == pytest.approx((0.8 + 1.0) / 2)


def test_intervals_hold_the_share(short: Any) -> None:
    (curve,) = norms(short)
    for share, low, high in zip(curve.broken, curve.low, curve.high, strict=True):
        assert low is not None
        assert high is not None
        assert low <= share <= high


def test_curves_reach_every_format(short: Any) -> None:
    report = build(short.finish())
    points = json.loads(report.norms.to_json())
    assert [(point["at_most"], point["broken"]) for point in points] == [(0.0, 0.2), (1.0, 0.4), (2.0, 0.6), (4.0, 0.8)]
    assert "never" in report.norms.text(160)
    assert "Norms that break mentions" in report.to_markdown()
    assert "How small a change is enough" in report.write_page().read_text("utf-8")


def test_the_picture_is_the_same_each_time_and_names_its_lines(short: Any) -> None:
    report = build(short.finish())
    (norm, first), (_, second) = (norm_plots(report.summaries, norms(short))[0] for _ in range(2))
    assert norm == "l2"
    assert first == second
    assert "ours, FMN l2" in first


def test_without_such_an_attack_nothing_is_drawn(short: Any) -> None:
    short.cells[1]["threat_model"] = "linf"
    report = build(short.finish())
    assert report.norms.tables == ()
    assert "How small a change is enough" not in report.write_page().read_text("utf-8")
