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
    for words in ("ours on toy", "I2T pgd-normal 10.0 %", "BPDA", "Square"):
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
