"""No attack leaves the ball it was given."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from robustmel.attacks import ATTACKS
from robustmel.attacks.image.item_noise import ItemNoise

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
