from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from robustmel.report.credit import KS, credited, worst
from robustmel.report.metrics import accuracy
from robustmel.report.results import Evaluation, ResultCell
from robustmel.report.rows import ensembles
from robustmel.types import Cell, Prediction

ANSWERS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.booleans()), min_size=4, max_size=4)


def cell(attack: str, **fields: Any) -> ResultCell:
    name, _, strength = attack.partition("-")
    evaluations = (Evaluation("image", "v", "r" + attack),)
    key = Cell("toy", "I2T", "ours", source="ours", attack=attack, seed=0)
    known = {name: fields.pop(name) for name in list(fields) if hasattr(key, name)}
    made = ResultCell(replace(key, **known), True, name, strength, "image", "linf", "8/255", ("ours",), "k", evaluations)
    return replace(made, **fields)


@given(st.lists(ANSWERS, min_size=1, max_size=3))
def test_the_worst_case_is_below_every_view_and_loses_no_mention(views: list[list[tuple[float, float, bool]]]) -> None:
    each = [
        credited(["a"] * 4, [Prediction("m", ("a", "b"), (x, y), "broken" if bad else None) for x, y, bad in view])
        for view in views
    ]
    whole = worst(each)
    assert whole.credit.shape == (1, 4)
    for one in each:
        assert (whole.credit <= one.credit).all()
        assert all((whole.hits(k) <= one.hits(k)).all() for k in KS)
        assert (accuracy(whole) or 0) <= (accuracy(one) or 0)
        assert (whole.failed >= one.failed).all()
    assert np.isin(whole.credit, np.stack([one.credit for one in each])).all()


def test_attacks_of_one_threat_model_and_budget_make_an_ensemble() -> None:
    cells = [cell("pgd-normal"), cell("apgd-normal"), cell("pgd-strong", budget="0.2"), cell("apgd-strong", budget="0.2")]
    assert [[one.attack for one in group] for group in ensembles(cells)] == [
        ["pgd-normal", "apgd-normal"],
        ["pgd-strong", "apgd-strong"],
    ]


def test_what_differs_in_anything_but_the_attack_is_kept_apart() -> None:
    others = [
        cell("apgd-normal", budget="0.2"),
        cell("apgd-normal", threat_model="l2"),
        cell("apgd-normal", defence="retlink"),
        cell("apgd-normal", poison="flipped"),
        cell("apgd-normal", source="another"),
        cell("apgd-normal", seed=1),
        cell("apgd-normal", task="IT2T"),
        cell("noise", threat_model="noise"),
        cell("fog", threat_model="corruption"),
        cell("clean", threat_model="none"),
        cell("apgd-normal", evaluations=(Evaluation("untouched", None, "r"),)),
    ]
    for other in others:
        assert ensembles([cell("pgd-normal"), other]) == []


def test_an_attack_that_asks_nobody_is_a_member_beside_those_of_each_source() -> None:
    blind = [cell(name, source="none", threat_model="text edits", budget="0.4") for name in ("qwerty", "char_swap")]
    guided = [cell("word_delete", source=name, threat_model="text edits", budget="0.4") for name in ("ours", "another")]
    assert [{one.attack for one in group} for group in ensembles([blind[0], *guided])] == [{"word_delete", "qwerty"}] * 2
    assert [len(group) for group in ensembles([*blind, *guided])] == [2, 3, 3]
    assert [group[0].cell.source for group in ensembles([*blind, *guided])] == ["none", "ours", "another"]
    assert ensembles([blind[0], replace(guided[0], budget="0.2")]) == []


def test_controls_are_known_by_their_threat_model_and_make_no_ensemble_among_themselves() -> None:
    assert ensembles([cell(name, threat_model="corruption") for name in ("fog", "blur")]) == []
    assert len(ensembles([cell("noise-guided"), cell("pgd-normal")])) == 1
