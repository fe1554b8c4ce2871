"""Shortest changes beside those that foolbox finds, image by image, and success at norms where 20 to 80 % of the images resist."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from robustmel.attacks.image.fmn import FMN
from robustmel.attacks.image.item_noise import ItemNoise

IMAGES = 24


@pytest.fixture(scope="module")
def pixels(pixels: Tensor) -> Tensor:
    return pixels[:IMAGES]


def ours(norm: Any, victim: nn.Module, pixels: Tensor, gold: Tensor) -> Tensor:
    attack = FMN(norm=norm, steps=60, stretch=False)
    found = attack.perturb(pixels, lambda batch, rows=None: victim(batch), gold, ItemNoise(range(IMAGES), (3, 16, 16)))
    assert bool((victim(found.pixels).argmax(1) != gold).all())
    lengths: Tensor = found.l2 if norm == "l2" else found.linf
    return lengths


def theirs(attack: Any, victim: nn.Module, pixels: Tensor, gold: Tensor, order: float) -> Tensor:
    foolbox = pytest.importorskip("foolbox")
    found = torch.as_tensor(attack(foolbox.PyTorchModel(victim, bounds=(0, 1)), pixels, gold, epsilons=None)[1])
    assert bool((victim(found).argmax(1) != gold).all())
    lengths: Tensor = torch.linalg.vector_norm((found - pixels).flatten(1), ord=order, dim=1)
    return lengths


def test_linf_lengths_are_foolbox_s_image_by_image(victim: nn.Module, pixels: Tensor, gold: Tensor) -> None:
    foolbox = pytest.importorskip("foolbox")
    lengths = theirs(foolbox.attacks.LInfFMNAttack(steps=60), victim, pixels, gold, float("inf"))
    found = ours("linf", victim, pixels, gold)
    assert float((found / lengths - 1).abs().max()) < 0.01
    for radius in (0.7 / 255, 1.2 / 255, 2.0 / 255):
        assert 0.2 <= float((lengths > radius).float().mean()) <= 0.8
        assert torch.equal(
            lengths[(lengths / radius - 1).abs() > 0.01] <= radius, found[(lengths / radius - 1).abs() > 0.01] <= radius
        )


def test_l2_lengths_are_at_least_as_short_as_a_searched_carlini_wagner_s(
    victim: nn.Module, pixels: Tensor, gold: Tensor
) -> None:
    """Foolbox's own FMN does not project in L2 (its factor is a norm divided by itself), so another of its attacks is asked."""
    foolbox = pytest.importorskip("foolbox")
    attack = foolbox.attacks.L2CarliniWagnerAttack(
        binary_search_steps=5, initial_const=0.1, steps=50, stepsize=0.01, abort_early=False
    )
    lengths = theirs(attack, victim, pixels, gold, 2)
    found = ours("l2", victim, pixels, gold)
    assert float((found / lengths).max()) < 1.02
    assert 0.9 < float((found / lengths).quantile(0.7)) <= 1.01  # where the other has converged, the same


def test_l2_lengths_are_never_above_ddn_s(victim: nn.Module, pixels: Tensor, gold: Tensor) -> None:
    foolbox = pytest.importorskip("foolbox")
    lengths = theirs(foolbox.attacks.DDNAttack(steps=60), victim, pixels, gold, 2)
    assert bool((ours("l2", victim, pixels, gold) <= lengths * 1.01).all())
