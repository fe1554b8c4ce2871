from __future__ import annotations

from typing import Any

from robustmel.report import build


def test_success_that_saving_takes_away_is_flagged(planted: Any, codes: Any) -> None:
    for attack, lost in (("cw-normal", 8), ("pgd-normal", 2)):
        log = [{"succeeded": True, "succeeded_u8": number >= lost} for number in range(40)]
        wrong = [(("b", "a"), (2.0, 1.0))] * 40
        planted.cell(attack, {"image": (planted.variant(log), planted.rows(wrong))})
    assert codes() == {("rounding", "cw-normal")}
    assert "I2T cw-normal 100.0 % before, 80.0 % after" in build(planted.finish()).flags[0].sentence


def test_scores_that_an_attack_took_for_probabilities_are_flagged(attacked: Any, codes: Any) -> None:
    attacked("pgd-normal", 20, {"note": "dlr needs 3 candidates; scores look like probabilities"})
    attacked("apgd-normal", 20, {"note": "dlr needs 3 candidates"})
    assert codes() == {("probabilities", "pgd-normal")}
