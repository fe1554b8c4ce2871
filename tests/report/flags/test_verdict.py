from __future__ import annotations

import json
from typing import Any

import pytest

from robustmel.report import build
from robustmel.report.flags import KINDS

MASKED = {"iterations": 20, "zero_gradients": 20}


@pytest.mark.parametrize("form", ["text", "to_markdown", "to_latex"])
def test_flags_stand_in_every_table_for_people(form: str, planted: Any, attacked: Any) -> None:
    attacked("pgd-normal", 20, MASKED)
    shown = " ".join(getattr(build(planted.finish()), form)().split())
    assert "Flag, zero gradients" in shown
    assert "BPDA" in shown


def test_a_quiet_run_says_so_and_what_it_could_not_look_for(planted: Any, attacked: Any) -> None:
    attacked("pgd-normal", 20)
    shown = " ".join(build(planted.finish()).text().split())
    assert "Flags: none raised; a difference of less than 12.5 points between two rows would go undetected" in shown
    assert "Not checked, because the grid has nothing to compare: " in shown
    assert KINDS["black_box_wins"].title in shown
    assert KINDS["zero_gradients"].title not in shown


def test_the_page_answers_whether_the_numbers_can_be_trusted(planted: Any, attacked: Any) -> None:
    quiet = build(planted.finish()).write_page().read_text("utf-8")
    assert "Can these numbers be trusted?" in quiet
    assert "No flags raised." in quiet
    assert "needs an attack that takes gradients" in quiet
    attacked("cw-normal", 20)
    quiet = build(planted.finish()).write_page().read_text("utf-8")
    assert "No flags raised; a difference of less than 12.5 points between two rows would go undetected." in quiet
    attacked("pgd-<b>", 20, MASKED, linker="<i>ours", source="<i>ours")
    raised = build(planted.finish()).write_page().read_text("utf-8")
    assert "No flags raised" not in raised
    assert "&lt;i&gt;ours on toy: I2T pgd-&lt;b&gt; found zero gradients" in raised
    assert "<i>ours" not in raised


def test_flags_lie_beside_the_page_for_programs(planted: Any, attacked: Any) -> None:
    attacked("pgd-normal", 20, MASKED)
    report = build(planted.finish())
    found = json.loads((report.write_page().parent / "flags.json").read_text("utf-8"))
    assert found["flags"] == [flag.to_dict() for flag in report.flags]
    assert found["examined"]["zero_gradients"] == 1
    assert found["examined"]["black_box_wins"] == 0
    assert list(found["examined"]) == list(KINDS)


def test_advice_that_is_the_same_for_several_linkers_is_given_once(planted: Any, attacked: Any) -> None:
    for linker in ("ours", "theirs"):
        attacked("pgd-normal", 20, MASKED, linker=linker, source=linker)
    shown = " ".join(build(planted.finish()).text().split())
    assert shown.count("BPDA") == 1
    assert "ours on toy: I2T pgd-normal found zero gradients" in shown
    assert "theirs on toy: I2T pgd-normal found zero gradients" in shown
