from __future__ import annotations

import colorsys

import pytest
import torch

from robustmel.training.batches import _hue_rotations, augment
from robustmel.training.dual_encoder_recipe import Augmentation

NOTHING = Augmentation(shift=0, scale=0, brightness=0, contrast=0, hue=0, noise=0, tokens=0)


def images(count: int = 6) -> torch.Tensor:
    return torch.rand(count, 3, 12, 12, generator=torch.Generator().manual_seed(7))


def test_nothing_asked_changes_nothing() -> None:
    assert torch.equal(augment(images(), NOTHING, torch.Generator()), images())


def test_one_seed_gives_one_result_within_range() -> None:
    first, second = (augment(images(), Augmentation(), torch.Generator().manual_seed(4)) for _ in range(2))
    other = augment(images(), Augmentation(), torch.Generator().manual_seed(5))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert first.min() >= 0
    assert first.max() <= 1


def test_a_shift_moves_the_image_no_further_than_asked() -> None:
    dot = torch.zeros(64, 3, 41, 41)
    dot[:, :, 20, 20] = 1.0
    moved = augment(dot, Augmentation(0.1, 0, 0, 0, 0, 0, 0), torch.Generator().manual_seed(0)).mean(1)
    place = torch.arange(41.0) - 20
    across = (moved.sum(1) * place).sum(1) / moved.sum((1, 2))
    assert across.abs().max() <= 0.1 * 41 + 1e-3
    assert across.std() > 1


def test_brightness_scales_and_grey_has_no_hue() -> None:
    grey = torch.full((32, 3, 4, 4), 0.4)
    brighter = augment(grey, Augmentation(0, 0, 0.5, 0, 0.3, 0, 0), torch.Generator().manual_seed(0))
    assert torch.allclose(brighter.amax((1, 2, 3)), brighter.amin((1, 2, 3)), atol=2e-3)
    assert brighter.min() >= 0.4 * 0.5 - 2e-3
    assert brighter.max() <= 0.4 * 1.5 + 2e-3
    assert brighter[:, 0, 0, 0].std() > 0.03


@pytest.mark.parametrize("turns", [1 / 3, 0.5])
def test_a_hue_rotation_turns_the_hue(turns: float) -> None:
    red = torch.tensor([0.6, 0.4, 0.4])
    rotation = _hue_rotations(torch.tensor([turns * 2 * torch.pi]))[0]
    before, after = (colorsys.rgb_to_hsv(*one.tolist())[0] for one in (red, rotation @ red))
    moved = (after - before) % 1
    assert min(abs(moved - turns), abs((1 - moved) - turns)) < 0.1  # YIQ and HSV agree on the rough place only
