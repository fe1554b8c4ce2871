"""No attack leaves the ball it was given."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as some

from robustmel.attacks import ATTACKS
from robustmel.attacks.image.eight_bit import as_pictures
from robustmel.attacks.image.item_noise import ItemNoise
from robustmel.registry import Component
from robustmel.run.components import attack_spec
from robustmel.run.grid import AttackSpec

SMALL: dict[str, dict[str, Any]] = {
    "noise": {},
    "pgd": {"steps": 3, "on_failure": "last"},
    "apgd": {"steps": 3, "on_failure": "last"},
    "apgd-t": {"steps": 2, "targets": 2, "on_failure": "last"},
    "fab": {"steps": 3, "targets": 2, "restarts": 2, "on_failure": "last"},
    "square": {"queries": 6, "on_failure": "last"},
    "autoattack": {"steps": 2, "targets": 2, "queries": 4, "on_failure": "last"},
}


@pytest.mark.parametrize("name", SMALL)
@given(quarters=some.integers(0, 1020), seed=some.integers(0, 999), dark=some.booleans())
@settings(max_examples=12, deadline=None)
def test_no_pixel_leaves_its_budget(name: str, quarters: int, seed: int, dark: bool) -> None:
    eps = quarters / 1020
    pixels = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(seed)) * (0.05 if dark else 1)
    weights = torch.randn(108, 3, generator=torch.Generator().manual_seed(seed + 1))
    found = ATTACKS.create(name, eps=eps, **SMALL[name]).perturb(
        pixels,
        lambda batch, rows=None: batch.flatten(1) @ weights,
        torch.zeros(2, dtype=torch.long),
        ItemNoise([seed, seed + 1], (3, 6, 6)),
    )
    assert float(found.linf.max()) <= eps
    assert 0 <= float(found.pixels.min()) <= float(found.pixels.max()) <= 1


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("steps_of_255", [1, 4, 8, 51])
def test_rounding_to_8_bits_keeps_the_budget(name: str, steps_of_255: int, conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(8)
    attack = ATTACKS.create(name, eps=f"{steps_of_255}/255", **SMALL[name])
    found = perturb(attack, conv, pixels, torch.zeros(8, dtype=torch.long))
    apart = ((found.pixels * 255).round() - (pixels * 255).round()).abs()
    assert float(apart.max()) <= steps_of_255


def test_a_step_longer_than_the_radius_ends_on_the_border(conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(6, low=100, high=155)
    gold = conv(pixels).argmax(1)
    attack = ATTACKS.create("pgd", eps="2/255", step_size="200/255", steps=3, on_failure="last")
    found = perturb(attack, conv, pixels, gold)
    assert (found.linf * 255).tolist() == pytest.approx([2.0] * 6, abs=1e-3)


BOUNDED: dict[str, dict[str, Any]] = SMALL | {
    "noise-uniform": {"name": "noise", "draw": "uniform"},
    "corruption": {"norm": "linf", "kind": "haze"},
    "pgd-targeted": {"name": "pgd", "steps": 3, "targeted": "runner_up", "on_failure": "last"},
    "square-restarts": {"name": "square", "queries": 4, "restarts": 2, "on_failure": "last"},
}


@pytest.mark.parametrize("case", BOUNDED)
@given(eps=some.floats(1 / 255, 1), seed=some.integers(0, 999), dark=some.booleans())
@example(eps=1.4 / 255, seed=0, dark=False)
@example(eps=1.5 / 255, seed=1, dark=True)
@example(eps=0.01, seed=2, dark=False)
@settings(max_examples=12, deadline=None)
def test_a_saved_image_lies_in_the_ball_of_the_budget_as_given(case: str, eps: float, seed: int, dark: bool) -> None:
    """And the budget that is printed is the largest change of whole 255ths in it."""
    parameters = {"name": case, **BOUNDED[case], "eps": eps}
    problems: list[str] = []
    made = attack_spec(AttackSpec(Component(parameters.pop("name"), parameters)), problems)
    assert made is not None, problems
    draw = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 40 if dark else 256, (2, 3, 6, 6), generator=draw).float() / 255
    weights = torch.randn(108, 3, generator=draw)
    noise = ItemNoise([seed, seed + 1], (3, 6, 6))
    objective = lambda batch, rows=None: batch.flatten(1) @ weights  # noqa: E731
    found = made.loaded.perturb(pixels, objective, torch.zeros(2, dtype=torch.long), noise)
    saved = np.stack(as_pictures(found.pixels)).astype(int).transpose(0, 3, 1, 2)
    moved = np.abs(saved - np.rint(pixels.numpy() * 255)).max()
    assert moved <= eps * 255 * (1 + 1e-9)
    assert Fraction(made.loaded.budget) * 255 == math.floor(eps * 255 * (1 + 1e-9))


@pytest.mark.parametrize("case", BOUNDED)
@pytest.mark.parametrize("eps", [0.6 / 255, "0.5/255", 1e-6])
def test_a_radius_below_one_step_is_refused(case: str, eps: float | str) -> None:
    parameters = {"name": case, **BOUNDED[case], "eps": eps}
    problems: list[str] = []
    assert attack_spec(AttackSpec(Component(parameters.pop("name"), parameters)), problems) is None
    assert "below 1/255" in problems[0]


@pytest.mark.parametrize("levels", [0, 1, 2, 7, 8, 51, 254, 255])
def test_a_radius_of_whole_steps_is_the_one_given(levels: int) -> None:
    for written in (levels / 255, f"{levels}/255"):
        made = attack_spec(AttackSpec(Component("pgd", {"eps": written})), [])
        assert made is not None
        assert made.loaded.eps == levels / 255
        assert not any("means" in note for note in made.notes)


@pytest.mark.parametrize("name", ["noise", "corruption"])
@given(length=some.floats(0.02, 1), seed=some.integers(0, 99), dark=some.booleans())
@settings(max_examples=25, deadline=None)
def test_a_control_is_no_longer_than_it_says_once_saved(name: str, length: float, seed: int, dark: bool) -> None:
    draw = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0 if dark else 64, 40 if dark else 192, (2, 3, 8, 8), generator=draw).float() / 255
    attack = ATTACKS.create(name, eps=length, norm="l2", **({"kind": "shot_noise"} if name == "corruption" else {}))
    found = attack.perturb(pixels, None, torch.zeros(2, dtype=torch.long), ItemNoise([seed, seed + 1], (3, 8, 8)))
    saved = np.stack(as_pictures(found.pixels)).astype(int).transpose(0, 3, 1, 2)
    moved = np.sqrt(((saved - np.rint(pixels.numpy() * 255)) ** 2).sum((1, 2, 3)))
    assert float(moved.max()) <= length * 255 * (1 + 1e-6)
    if name == "noise" and not dark:  # nearly nothing is cut off at black and white: it is about as long as it says
        assert float(moved.min()) >= 0.85 * length * 255 - 1
