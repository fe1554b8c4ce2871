from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from robustmel.attacks.image.pgd import PGD
from robustmel.registry import Component
from robustmel.run.components import ComponentSpec, attack_spec
from robustmel.run.grid import AttackSpec


def made(name: str, strength: str = "", **params: Any) -> ComponentSpec:
    problems: list[str] = []
    spec = attack_spec(AttackSpec(Component(name, params), strength=strength), problems)
    assert spec is not None, problems
    return spec


def test_the_note_names_the_radius_that_counts() -> None:
    (note,) = made("apgd", eps=0.01).notes
    assert "eps = 2.55/255 means 2/255" in note


def test_an_attack_is_keyed_by_the_radius_that_counts() -> None:
    assert made("apgd", eps=0.01).identity == made("apgd", eps="2/255").identity
    assert made("apgd", eps=0.01).parameters == made("apgd", eps="2/255").parameters
    value = attack_spec(AttackSpec(Component("PGD", instance=PGD(eps=0.01))), [])
    assert value is not None
    assert value.identity == made("pgd", eps="2/255").identity
    assert value.component.instance == PGD(eps=2 / 255)
    assert len(value.notes) == 1


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ({"eps": "32/255", "step_size": "2/255", "steps": 20}, True),
        ({"eps": "20/255", "step_size": "2/255", "steps": 20}, False),
        ({"eps": "21/255", "step_size": "2/255", "steps": 20}, True),
        ({"eps": "8/255", "step_size": "2/255", "steps": 20}, False),
    ],
)
def test_steps_that_cannot_cross_the_ball_are_told(given: dict[str, Any], short: bool) -> None:
    spec = made("pgd", **given)
    assert [f"{255 * spec.loaded.reach:g}" for _ in spec.notes] == ["40"] * short
    across = f"its ball is {2 * int(given['eps'].partition('/')[0])}/255 across"
    assert all("40/255" in note and across in note for note in spec.notes)


@pytest.mark.parametrize(("name", "noted"), [("Wordy", True), ("Shift", False)])
def test_a_budget_in_words_is_said_to_be_unchecked(name: str, noted: bool) -> None:
    notes = made(f"{Path(__file__).parent / 'odd_attacks.py'}:{name}").notes
    assert notes == ('its budget "a little" is no number, so nothing checks that its images stay within it.',) * noted


def test_a_budget_between_two_levels_is_told_with_what_saved_images_reach() -> None:
    (note,) = made(f"{Path(__file__).parent / 'odd_attacks.py'}:Between").notes
    assert note == "its budget 0.6/255 is 0.6/255, and saved images may reach 1/255: 8 bits have whole 255ths."


def test_of_the_literature_s_strengths_pgd_strong_alone_falls_short() -> None:
    short = [
        (name, strength)
        for name in ("pgd", "apgd", "square")
        for strength in ("normal", "strong")
        if made(name, strength).notes
    ]
    assert short == [("pgd", "strong")]


def test_what_takes_other_steps_has_no_reach() -> None:
    for name in ("apgd", "cw", "fab", "fmn", "square", "noise", "autoattack"):
        assert made(name).notes == ()
