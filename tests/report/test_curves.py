from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from robustmel.report import build
from robustmel.report.plots import security_curves, worst_at

RIGHT, WRONG = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0))


def test_a_curve_takes_the_worst_attack_at_every_budget_by_rising_budget(fake_run: Any, ask: Any) -> None:
    fake_run.questions([ask(number, "a", ["a", "b"]) for number in range(4)])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT] * 4))})
    for attack, budget, right in (
        ("pgd-strong", "0.2", 0),
        ("pgd-1", "1/255", 3),
        ("pgd-4", "4/255", 2),
        ("apgd-4", "4/255", 1),
    ):
        rows = fake_run.rows([RIGHT] * right + [WRONG] * (4 - right))
        fake_run.cell(attack, {"image": (None, rows)}, budget=budget)
    fake_run.cell("cw-normal", {"image": (None, fake_run.rows([WRONG] * 4))}, budget="c=20", threat_model="l2")
    summaries = build(fake_run.finish()).summaries
    linf = [one for one in summaries if one.threat_model in ("linf", "none")]
    assert [(one.budget, one.accuracy) for one in worst_at(linf)] == [("", 1.0), ("1/255", 0.75), ("4/255", 0.25), ("0.2", 0.0)]
    drawn = security_curves(summaries)
    assert drawn is not None
    assert ET.fromstring(drawn).tag.endswith("svg")
    assert "c=20" not in drawn


def test_two_budgets_make_no_curve(fake_run: Any, ask: Any) -> None:
    fake_run.questions([ask(0, "a", ["a", "b"])])
    for attack, budget in (("clean", ""), ("pgd-normal", "8/255"), ("pgd-strong", "0.2")):
        view = "clean" if attack == "clean" else "image"
        fake_run.cell(attack, {view: (None, fake_run.rows([RIGHT]))}, budget=budget)
    report = build(fake_run.finish())
    assert security_curves(report.summaries) is None
    assert "budget</h2>" not in report.write_page().read_text("utf-8")
