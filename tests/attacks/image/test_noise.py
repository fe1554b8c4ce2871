from __future__ import annotations

from typing import Any

import pytest
import torch

from robustmel.attacks.image.clean import Clean
from robustmel.attacks.image.noise import UniformNoise


def never_asked(pixels: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
    raise AssertionError("the control asked for scores")


def gold(count: int) -> torch.Tensor:
    return torch.zeros(count, dtype=torch.long)


def test_noise_has_the_norm_it_is_given(pictures: Any, perturb: Any) -> None:
    pixels = pictures(5, low=100, high=155)
    signs = perturb(UniformNoise(eps="8/255"), never_asked, pixels, gold(5))
    assert (signs.pixels - pixels).abs().flatten().tolist() == pytest.approx([8 / 255] * 5 * 768, abs=1e-6)
    inside = perturb(UniformNoise(eps="8/255", draw="uniform"), never_asked, pixels, gold(5))
    assert float((inside.pixels - pixels).var()) == pytest.approx((8 / 255) ** 2 / 3, rel=0.05)
    sphere = perturb(UniformNoise(eps=2.0, norm="l2"), never_asked, pixels, gold(5))
    saved = ((sphere.pixels * 255).round() - (pixels * 255).round()).double().flatten(1).norm(dim=1) / 255
    assert saved.tolist() == pytest.approx([2.0] * 5, rel=0.01)
    assert float(saved.max()) <= 2.0
    assert int(signs.queries.sum()) == 0


def test_both_signs_are_drawn_alike(pictures: Any, perturb: Any) -> None:
    pixels = pictures(8, low=100, high=155)
    up = (perturb(UniformNoise(), never_asked, pixels, gold(8)).pixels > pixels).float().mean()
    assert float(up) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("attack", [Clean(), UniformNoise(eps=0), UniformNoise(eps=0, norm="l2")])
def test_nothing_is_the_identity(attack: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(3)
    found = perturb(attack, never_asked, pixels, gold(3))
    assert torch.equal(found.pixels, pixels)
    assert found.linf.tolist() == found.l2.tolist() == [0.0] * 3


def test_an_image_gets_its_own_noise(pictures: Any, perturb: Any) -> None:
    pixels = pictures(4, low=100, high=155)
    together = perturb(UniformNoise(), never_asked, pixels, gold(4)).pixels
    alone = perturb(UniformNoise(), never_asked, pixels[2:3], gold(1), first=2).pixels
    assert torch.equal(together[2:3], alone)
    assert not torch.equal(together[0] - pixels[0], together[1] - pixels[1])
