from __future__ import annotations

from typing import Any

import pytest
import torch

from robustmel.attacks.image.noise import UniformNoise
from robustmel.attacks.image.pgd import PGD

SHARES = [0.3, 0.6, 0.9, 0.97, 1.03, 1.1, 1.5, 4.0]
"""Distances of the images, as shares of what the budget can bridge."""


def gold(count: int) -> torch.Tensor:
    return torch.zeros(count, dtype=torch.long)


@pytest.mark.parametrize("budget", [1, 2, 4, 8, 24])
@pytest.mark.parametrize("random_start", [False, True])
def test_it_fools_exactly_where_the_budget_reaches_the_boundary(
    budget: int, random_start: bool, linear: Any, pictures: Any, perturb: Any
) -> None:
    pixels, eps = pictures(8, low=100, high=155), budget / 255
    reach = eps * float(linear(pixels, [1.0] * 8).weights.abs().sum())
    victim = linear(pixels, [share * reach for share in SHARES])
    attack = PGD(eps=eps, step_size=eps / 4, steps=12, random_start=random_start)
    found = perturb(attack, victim, pixels, gold(8))
    assert found.succeeded.tolist() == [share < 1 for share in SHARES] == (victim.linf < eps).tolist()


def test_a_larger_budget_never_fools_less(linear: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(12, low=100, high=155)
    victim, before = linear(pixels, [2.0**power / 8 for power in range(12)]), torch.zeros(12, dtype=torch.bool)
    for budget in (0, 1, 2, 4, 8, 16, 32):
        found = perturb(PGD(eps=budget / 255, step_size=budget / 1020, steps=8), victim, pixels, gold(12)).succeeded
        assert bool((found | ~before).all())
        assert int(found.sum()) > int(before.sum()) or budget == 0
        before = found


def test_more_steps_never_help_the_victim(conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(48)
    answers = conv(pixels).argmax(1)
    fooled = [
        int(perturb(PGD(eps="2/255", step_size="1/510", steps=steps), conv, pixels, answers).succeeded.sum())
        for steps in (1, 4, 12, 36)
    ]
    assert fooled == sorted(fooled)
    assert 0 < fooled[-1] < 48


def test_random_noise_never_fools_what_it_does_not(conv: Any, linear: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(48, low=60, high=195)
    distances = [0.3 * index for index in range(1, 49)]
    for victim in (conv, linear(pixels, distances)):
        answers = victim(pixels).argmax(1)
        attacked = perturb(PGD(eps="4/255", step_size="1/255", steps=10), victim, pixels, answers).succeeded
        for first in (0, 100, 200):
            noisy = perturb(UniformNoise(eps="4/255"), victim, pixels, answers, first=first)
            fooled = victim(noisy.pixels).argmax(1) != answers
            assert bool((attacked | ~fooled).all())
        assert 0 < int(attacked.sum()) < 48


def test_restarts_attack_again_only_those_not_fooled(linear: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(3, low=100, high=155)
    victim = linear(pixels, [0.5, 60.0, 0.5])
    found = perturb(PGD(steps=5, restarts=3), victim, pixels, gold(3))
    assert found.iterations.tolist() == [5, 15, 5]
    assert found.succeeded.tolist() == [True, False, True]


def test_a_restart_can_find_what_the_first_run_missed(pictures: Any, perturb: Any) -> None:
    """The victim has a slope only where a pixel lies above its clean value: half of the random starts see none."""
    pixels = pictures(32, low=100, high=155)

    def victim(batch: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        change = batch[:, 0, 0, 0] - (pixels if rows is None else pixels[rows])[:, 0, 0, 0]
        return torch.stack([torch.full_like(change, 0.02), change.clamp(min=0)], 1)

    once = perturb(PGD(steps=10), victim, pixels, gold(32)).succeeded
    again = perturb(PGD(steps=10, restarts=6), victim, pixels, gold(32)).succeeded
    assert 4 < int(once.sum()) < 28
    assert int(again.sum()) >= 30


def test_an_image_that_only_fools_before_rounding_is_handed_back_and_not_counted(
    linear: Any, pictures: Any, perturb: Any
) -> None:
    pixels = pictures(1, low=100, high=155)
    victim = linear(pixels, [0.5])  # the boundary is a quarter of an 8-bit level away
    eps = 0.3 / 255
    assert float(victim.linf) < eps
    found = perturb(PGD(eps=eps, step_size=eps, steps=2), victim, pixels, gold(1))
    assert not bool(found.succeeded)
    assert float(found.linf) > 0
    assert bool(victim(found.pixels).argmax(1) == 1)


def test_the_start_is_drawn_from_the_whole_ball(linear: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(2, low=100, high=155)
    seen: list[torch.Tensor] = []

    def watched(batch: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        seen.append(batch.detach().clone())
        return torch.stack([batch[:, 0, 0, 0], batch[:, 0, 0, 1]], 1)

    perturb(PGD(eps=0.1, steps=1), watched, pixels, gold(2))
    start = (seen[0] - pixels) / 0.1
    assert float(start.abs().max()) <= 1
    assert abs(float(start.var()) - 1 / 3) < 0.02
    seen.clear()
    perturb(PGD(eps=0.1, steps=1, random_start=False), watched, pixels, gold(2))
    assert torch.equal(seen[0], pixels)


def test_only_what_draws_is_called_random() -> None:
    assert PGD().random
    assert PGD(random_start=False, targeted="random").random
    assert not PGD(random_start=False).random
