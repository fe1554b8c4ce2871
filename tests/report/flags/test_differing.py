from __future__ import annotations

from typing import Any

import pytest

from robustmel.report import build
from robustmel.report.flags.logged import nondeterministic

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
        "ours on toy: the linker answered differently when asked the same twice (I2T pgd-normal)",
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
    assert {one.code: one.looked for one in report.examined}["nondeterministic"] == 0
    assert nondeterministic([])[1].looked == 0
