from __future__ import annotations

import json
from typing import Any

import pytest

from robustmel.report import build

STILL = {"loss_first": 0.2, "loss_best": 0.2, "margin_first": -1.0, "margin_best": -1.0 + 1e-7, "succeeded": False}
MOVED = STILL | {"loss_best": 0.3, "margin_best": -0.95}


def test_gradients_that_are_zero_are_flagged_with_what_to_do(planted: Any, attacked: Any) -> None:
    attacked("pgd-normal", 20, {"iterations": 20, "zero_gradients": 2})
    attacked("apgd-normal", 20, {"iterations": 100, "zero_gradients": 4})
    (flag,) = build(planted.finish()).flags
    assert (flag.code, flag.attack, flag.linker, flag.task, flag.dataset) == (
        "zero_gradients",
        "pgd-normal",
        "ours",
        "I2T",
        "toy",
    )
    for words in ("ours on toy", "I2T pgd-normal found zero gradients on 40 of 40 images", "BPDA", "Square"):
        assert words in flag.sentence


def test_a_flag_is_in_the_json_row_it_concerns_and_in_no_other(planted: Any, attacked: Any) -> None:
    attacked("pgd-normal", 20, {"iterations": 20, "zero_gradients": 20})
    attacked("cw-normal", 20)
    found = json.loads(build(planted.finish()).to_json())
    assert {row["attack"]: row["flags"] for row in found} == {
        "clean": [],
        "pgd-normal": ["zero_gradients"],
        "cw-normal": [],
        "worst-linf-8/255": [],
    }


def test_a_worst_case_is_in_doubt_where_all_its_attacks_are(planted: Any, attacked: Any) -> None:
    attacked("pgd-normal", 20, {"iterations": 20, "zero_gradients": 20, "deterministic": False})
    attacked("apgd-normal", 20, {"iterations": 20, "zero_gradients": 20})
    worst = build(planted.finish()).summaries[-1]
    assert (worst.attack, worst.flags) == ("worst-linf-8/255", ("zero_gradients",))


def test_rows_of_one_linker_share_a_sentence_and_linkers_do_not(planted: Any, attacked: Any) -> None:
    for linker in ("ours", "theirs"):
        for attack in ("pgd-normal", "apgd-normal"):
            attacked(attack, 20, {"iterations": 20, "zero_gradients": 20}, linker=linker, source=linker)
    found = build(planted.finish()).flags
    assert len(found) == 4
    assert len({flag.sentence for flag in found}) == 2


@pytest.mark.parametrize(
    ("rise", "log", "fields", "flagged"),
    [
        (0.1, {}, {}, True),
        (-0.2, {}, {}, True),
        (0.9, {}, {}, False),
        (0.1, {"deterministic": False}, {}, False),
        (0.1, {}, {"source": "theirs"}, False),
    ],
)
def test_a_gradient_that_promises_what_no_step_brings_is_flagged(
    rise: float, log: dict[str, Any], fields: dict[str, Any], flagged: bool, attacked: Any, codes: Any
) -> None:
    attacked("pgd-normal", 20, {"rise_predicted": 1.0, "rise": rise} | log, **fields)
    assert (("misleading_gradients", "pgd-normal") in codes()) == flagged


def test_a_flat_loss_is_flagged(attacked: Any, codes: Any) -> None:
    attacked("pgd-normal", 30, STILL)
    assert codes() == {("loss_plateau", "pgd-normal")}


@pytest.mark.parametrize(
    "course",
    [
        pytest.param(MOVED, id="a robust linker whose loss rises"),
        pytest.param(STILL | {"margin_best": -0.999}, id="a very robust one that yields a thousandth"),
        pytest.param(STILL | {"loss_best": 0.21}, id="a third entity comes nearer while the second does not"),
        pytest.param(STILL | {"margin_first": 0.0, "margin_best": 0.0}, id="two entities with one name: a tie for ever"),
        pytest.param(STILL | {"margin_first": float("nan")}, id="no gradient was taken"),
        pytest.param(STILL | {"succeeded": True, "succeeded_u8": True}, id="flat once fooled"),
        pytest.param({"succeeded": False}, id="a log from before this was kept"),
    ],
)
def test_what_moves_or_cannot_is_no_plateau(course: dict[str, Any], attacked: Any, codes: Any) -> None:
    attacked("pgd-normal", 30, course)
    assert codes() == set()


def test_two_odd_images_are_no_plateau_and_a_tenth_of_those_that_withstood_is(planted: Any, codes: Any) -> None:
    for attack, flat in (("pgd-normal", 2), ("apgd-normal", 4)):
        log = [STILL] * flat + [MOVED] * (40 - flat)
        planted.cell(attack, {"image": (planted.variant(log), planted.rows([(("a", "b"), (2.0, 1.0))] * 40))})
    assert ("loss_plateau", "apgd-normal") in codes()
    assert ("loss_plateau", "pgd-normal") not in codes()


def test_success_that_saving_takes_away_is_flagged(planted: Any, codes: Any) -> None:
    for attack, lost in (("cw-normal", 8), ("pgd-normal", 2)):
        log = [{"succeeded": True, "succeeded_u8": number >= lost} for number in range(40)]
        wrong = [(("b", "a"), (2.0, 1.0))] * 40
        planted.cell(attack, {"image": (planted.variant(log), planted.rows(wrong))})
    assert codes() == {("rounding", "cw-normal")}
    assert (
        "100.0 % of the images of I2T cw-normal fool before they are saved in 8 bits, 80.0 % after"
        in build(planted.finish()).flags[0].sentence
    )


def test_scores_that_look_like_probabilities_are_flagged_by_how_many_images_they_do_on(planted: Any, codes: Any) -> None:
    rows = planted.rows([(("a", "b"), (2.0, 1.0))] * 40)
    for attack, alike in (("pgd-normal", 12), ("cw-normal", 2)):
        log = [{"probabilities": number < alike, "note": "scores look like probabilities"} for number in range(40)]
        planted.cell(attack, {"image": (planted.variant(log), rows)})
    assert codes() == {("probabilities", "pgd-normal")}
    assert "on 12 of 40 images of I2T pgd-normal" in build(planted.finish()).flags[0].sentence


def test_an_attack_that_failed_is_flagged_with_the_bound_and_its_row_says_it_too(planted: Any) -> None:
    log = [{"status": "error:nan" if number < 12 else "ok"} for number in range(40)]
    planted.cell(
        "pgd-normal",
        {"image": (planted.variant(log), planted.rows([(("a", "b"), (2.0, 1.0))] * 20 + [(("b", "a"), (2.0, 1.0))] * 20))},
    )
    report = build(planted.finish())
    (flag,) = report.flags
    assert flag.code == "failed_attacks"
    assert (
        "I2T pgd-normal failed on 12 of 40 images (nan); 50.0 % are left, 20.0 % with failures counted as broken" in flag.seen
    )
    (row,) = (row for row in report.summaries if row.attack == "pgd-normal")
    assert (row.accuracy, row.accuracy_bound) == (0.5, 0.2)


def test_where_what_failed_is_wrong_anyway_there_is_nothing_to_doubt(planted: Any, codes: Any) -> None:
    log = [{"status": "error:RuntimeError: at a place" if number >= 30 else "ok"} for number in range(40)]
    planted.cell(
        "pgd-normal",
        {"image": (planted.variant(log), planted.rows([(("a", "b"), (2.0, 1.0))] * 20 + [(("b", "a"), (2.0, 1.0))] * 20))},
    )
    assert codes() == set()


ANSWERS = [(("a", "b"), (2.0, 1.0))] * 40


def test_a_linker_that_answers_differently_is_flagged_by_what_either_stage_noted(
    planted: Any, attacked: Any, codes: Any
) -> None:
    attacked("pgd-normal", 20, {"deterministic": False})
    planted.cell("noise-normal", {"image": (None, planted.rows(ANSWERS, deterministic=False))}, source="none")
    planted.cell("noise-strong", {"image": (None, planted.rows(ANSWERS, deterministic=True))}, source="none")
    assert codes() == {("nondeterministic", "pgd-normal"), ("nondeterministic", "noise-normal")}


def test_it_says_what_to_do(planted: Any, attacked: Any) -> None:
    attacked("pgd-normal", 20, {"deterministic": False})
    (flag,) = build(planted.finish()).flags
    for words in (
        "ours on toy: the linker's answers under I2T pgd-normal changed when repeated.",
        "EOT",
        "evaluation mode",
    ):
        assert words in flag.sentence


def test_a_model_left_in_training_mode_is_told_apart(planted: Any) -> None:
    planted.cell(
        "noise-normal", {"image": (None, planted.rows(ANSWERS, deterministic=False, training_mode=True))}, source="none"
    )
    (flag,) = build(planted.finish()).flags
    assert flag.code == "nondeterministic"
    assert "model.eval()" in flag.sentence


def test_what_the_source_of_a_transfer_does_is_no_fault_of_the_victim(attacked: Any, codes: Any) -> None:
    attacked("pgd-normal", 20, {"deterministic": False}, source="theirs")
    assert codes() == set()


@pytest.mark.parametrize("told", [{}, {"deterministic": None}])
def test_stores_from_before_this_was_noted_are_read(told: dict[str, Any], planted: Any) -> None:
    planted.cell("noise-normal", {"image": (None, planted.rows(ANSWERS, **told))}, source="none")
    report = build(planted.finish())
    assert report.flags == ()
    assert {kind.code: kind.count for kind in report.examined}["nondeterministic"] == 0


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
