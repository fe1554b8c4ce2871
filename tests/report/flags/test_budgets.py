from __future__ import annotations

from typing import Any

import pytest

from robustmel.report import build


def test_a_larger_radius_that_breaks_less_is_flagged(planted: Any, attacked: Any) -> None:
    attacked("pgd-two", 10, budget="2/255")
    attacked("pgd-four", 30, budget="4/255")
    (flag,) = build(planted.finish()).flags
    assert (flag.code, flag.attack) == ("not_growing_with_eps", "pgd-four")
    assert "I2T pgd-four leaves 75.0 %, pgd-two 25.0 %" in flag.sentence


def test_one_that_breaks_as_much_or_a_little_less_is_not(attacked: Any, codes: Any) -> None:
    for attack, right, budget in (("one", 30, "1/255"), ("two", 20, "2/255"), ("four", 20, "4/255"), ("six", 22, "6/255")):
        attacked(f"pgd-{attack}", right, budget=budget)
    assert codes() == set()


def test_two_attacks_are_no_ladder(attacked: Any, codes: Any) -> None:
    attacked("pgd-two", 10, budget="2/255")
    attacked("apgd-four", 30, budget="4/255")
    assert codes() == set()


@pytest.mark.parametrize("budgets", [("c=20", "c=100"), ("8/255", "16/255")])
def test_a_strong_setting_behind_the_normal_one_is_flagged_once(budgets: tuple[str, str], attacked: Any, codes: Any) -> None:
    for strength, right, budget in zip(("normal", "strong"), (10, 30), budgets, strict=True):
        attacked(f"cw-{strength}", right, budget=budget, threat_model="linf" if "/" in budget else "l2")
    assert codes() == {("strong_weaker_than_normal", "cw-strong")}


def test_transferred_images_may_be_weaker_at_the_strong_setting(attacked: Any, codes: Any) -> None:
    attacked("cw-normal", 10, threat_model="l2", budget="c=20", source="theirs")
    attacked("cw-strong", 30, threat_model="l2", budget="c=100", source="theirs")
    assert codes() == set()


def test_an_attack_that_helps_beyond_chance_is_flagged_and_one_mention_is_not(fake_run: Any, ask: Any) -> None:
    right, wrong = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0))
    fake_run.questions([ask(number, "a", ["a", "b"], cluster=str(number)) for number in range(40)])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([right] * 10 + [wrong] * 30))})
    for attack, count in (("pgd-normal", 30), ("apgd-normal", 11)):
        fake_run.cell(attack, {"image": (fake_run.variant(), fake_run.rows([right] * count + [wrong] * (40 - count)))})
    silent = fake_run.variant([{"iterations": 0}] * 40)
    fake_run.cell(
        "noise-normal", {"image": (silent, fake_run.rows([right] * 30 + [wrong] * 10))}, source="none", threat_model="noise"
    )
    report = build(fake_run.finish())
    assert {(flag.code, flag.attack) for flag in report.flags} == {("above_clean", "pgd-normal")}
    assert "I2T pgd-normal 50.0 points more" in report.flags[0].sentence


STUCK = {"margin_first": -1.0, "margin_best": -0.8}


@pytest.mark.parametrize("log", [{}, STUCK])
def test_much_that_withstands_a_radius_of_a_fifth_is_flagged(log: dict[str, float], attacked: Any, codes: Any) -> None:
    attacked("pgd-large", 20, log, budget="0.2")
    assert codes() == {("not_growing_with_eps", "pgd-large")}


@pytest.mark.parametrize(
    ("right", "log", "fields"),
    [
        pytest.param(2, {}, {"budget": "0.2"}, id="nearly all breaks"),
        pytest.param(20, STUCK | {"margin_best": -0.3}, {"budget": "0.2"}, id="the gap is wide but closing"),
        pytest.param(20, {}, {"budget": "0.1"}, id="a smaller radius"),
        pytest.param(20, {}, {"budget": "0.2", "task": "IT2T"}, id="a text is read besides"),
        pytest.param(20, {}, {"budget": "0.2", "source": "theirs"}, id="made on another linker"),
        pytest.param(20, {"status": "skipped:one_candidate", "iterations": None}, {"budget": "0.2"}, id="nothing was attacked"),
    ],
)
def test_what_is_explained_is_not(right: int, log: dict[str, Any], fields: dict[str, Any], attacked: Any, codes: Any) -> None:
    attacked("pgd-large", right, log, **fields)
    assert codes() == set()


def test_mentions_that_could_not_be_attacked_are_no_sign_of_anything(planted: Any, codes: Any) -> None:
    right, wrong = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0))
    log = [{"status": "skipped:one_candidate"}] * 20 + [{}] * 20
    planted.cell("pgd-large", {"image": (planted.variant(log), planted.rows([right] * 20 + [wrong] * 20))}, budget="0.2")
    assert codes() == set()
