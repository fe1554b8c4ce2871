from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from robustmel.attacks.image.apgd import APGD, AscentState, window_ends
from robustmel.attacks.image.ball import Ball
from robustmel.attacks.image.gradients import LossGradient
from robustmel.attacks.image.item_noise import ItemNoise


def gold(count: int) -> torch.Tensor:
    return torch.zeros(count, dtype=torch.long)


@pytest.mark.parametrize(
    ("steps", "ends"),
    [
        (100, [22, 41, 57, 70, 80, 87, 93, 99]),  # the paper's shares .22 .41 .57 .70 .80 .87 .93 .99
        (40, [8, 15, 21, 26, 30, 33, 35, 37, 39]),
        (20, [4, 7, 9, *range(10, 21)]),
        (10, [2, *range(3, 11)]),
        (1, [1]),
    ],
)
def test_windows_close_where_the_paper_says(steps: int, ends: list[int]) -> None:
    assert list(window_ends(steps)) == ends


@pytest.mark.parametrize("loss", ["ce", "dlr"])
def test_it_fools_exactly_where_the_budget_reaches_the_boundary(loss: str, linear: Any, pictures: Any, perturb: Any) -> None:
    pixels, eps, shares = pictures(6, low=100, high=155), 4 / 255, [0.3, 0.9, 0.97, 1.03, 1.1, 3.0]
    reach = eps * float(linear(pixels, [1.0] * 6).weights.abs().sum())
    victim = linear(pixels, [share * reach for share in shares])
    found = perturb(APGD(eps=eps, steps=10, loss=loss), victim, pixels, gold(6))
    assert found.succeeded.tolist() == [share < 1 for share in shares]


def test_the_start_lies_on_the_border_of_the_ball(pictures: Any, perturb: Any) -> None:
    pixels, seen = pictures(3, low=100, high=155), []

    def watched(batch: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        seen.append(batch.detach().clone())
        return torch.stack([batch[:, 0, 0, 0], batch[:, 0, 0, 1]], 1)

    perturb(APGD(eps=0.1, steps=2), watched, pixels, gold(3))
    assert (seen[0] - pixels).flatten(1).abs().amax(1).tolist() == pytest.approx([0.1] * 3, abs=1e-6)


def climbing(losses: list[float]) -> list[float]:
    """Step sizes after each of some steps whose losses are given, in windows of two; the ball's radius is 0.5."""
    centre = torch.full((1, 3, 1, 1), 0.5)

    def slope(loss: float) -> LossGradient:
        yes = torch.tensor([True])
        return LossGradient(torch.tensor([loss]), torch.tensor([-1.0]), torch.ones(1, 3, 1, 1), ~yes, yes, torch.tensor([2]))

    ascent = AscentState.begin(Ball(centre, 0.5), torch.tensor([0]), centre, slope(losses[0]))
    sizes = []
    for step, loss in enumerate(losses[1:], 1):
        ascent.step(1.0)
        ascent.update(slope(loss))
        if step % 2 == 0:
            ascent.checkpoint(0.75 * 2)
        sizes.append(round(float(ascent.step_size), 4))
    return sizes


def test_the_step_is_halved_where_the_loss_rose_too_seldom() -> None:
    assert climbing([0, 1, 2, 3, 4]) == [1, 1, 1, 1]  # always up
    assert climbing([0, 1, 0.5]) == [1, 0.5]  # up once in two
    assert climbing([0, -1, -2, -1, 0.5]) == [1, 0.5, 0.5, 0.5]  # down twice, then up twice


def test_a_halved_run_goes_on_from_its_best_point() -> None:
    centre = torch.full((1, 3, 1, 1), 0.5)
    yes = torch.tensor([True])

    def slope(loss: float, direction: float) -> LossGradient:
        gradient = torch.full((1, 3, 1, 1), direction)
        return LossGradient(torch.tensor([loss]), torch.tensor([-1.0]), gradient, ~yes, yes, torch.tensor([2]))

    ascent = AscentState.begin(Ball(centre, 0.25), torch.tensor([0]), centre, slope(5.0, 1.0))
    ascent.step(1.0)
    ascent.update(slope(1.0, -1.0))
    ascent.checkpoint(0.75)
    assert torch.equal(ascent.current, centre)
    assert bool((ascent.gradient_sign == 1).all())
    ascent.step(1.0)
    assert torch.allclose(ascent.current, torch.full_like(centre, 0.75), atol=1e-5)


def test_momentum_adds_a_quarter_of_the_last_step() -> None:
    centre = torch.full((1, 3, 1, 1), 0.5)
    yes = torch.tensor([True])

    def slope() -> LossGradient:
        return LossGradient(torch.tensor([0.0]), torch.tensor([-1.0]), torch.ones(1, 3, 1, 1), ~yes, yes, torch.tensor([2]))

    ascent = AscentState.begin(Ball(centre, 0.5), torch.tensor([0]), centre, slope())
    ascent.step_size = torch.full_like(ascent.step_size, 0.04)
    ascent.step(1.0)
    assert ascent.current.flatten().tolist() == pytest.approx([0.54] * 3)
    ascent.update(slope())
    ascent.step(0.75)
    assert ascent.current.flatten().tolist() == pytest.approx([0.54 + 0.75 * 0.04 + 0.25 * 0.04] * 3)


def test_the_loss_at_its_best_point_never_falls_with_more_steps(conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(24)
    answers = conv(pixels).argmax(1)
    attacks = [APGD(eps="1/255", steps=steps, on_failure="last") for steps in (2, 6, 20, 60)]
    losses = []
    for attack in attacks:
        found = perturb(attack, conv, pixels, answers)
        kept = ~found.succeeded
        losses.append(torch.nn.functional.cross_entropy(conv(found.pixels), answers, reduction="none")[kept].mean().item())
    assert all(later >= earlier - 0.05 for earlier, later in pairwise(losses))


def test_short_lists_get_the_margin_and_a_note(conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(6)

    def two(batch: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        return conv(batch)[:, :2]

    answers = two(pixels).argmax(1)
    found = perturb(APGD(eps="32/255", loss="dlr", steps=8), two, pixels, answers)
    assert "dlr needs 3 candidates" in found.note
    assert int(found.succeeded.sum()) > 0
    targeted = perturb(
        APGD(loss="dlr", steps=8, targeted="runner_up"), lambda batch, rows=None: conv(batch)[:, :3], pixels, answers
    )
    assert "dlr needs 4 candidates" in targeted.note
    assert perturb(APGD(loss="ce", steps=8), two, pixels, answers).note == ""
    assert perturb(APGD(loss="dlr", steps=8), conv, pixels, answers).note == ""


def test_it_finds_no_less_than_plain_steps(conv: Any, pictures: Any, perturb: Any) -> None:
    from robustmel.attacks.image.pgd import PGD

    pixels = pictures(48)
    answers = conv(pixels).argmax(1)
    plain = perturb(PGD(eps="2/255", step_size="1/510", steps=20), conv, pixels, answers).succeeded
    ours = perturb(APGD(eps="2/255", steps=20), conv, pixels, answers).succeeded
    assert int(ours.sum()) >= int(plain.sum()) - 1
    assert 0 < int(plain.sum()) < 48


class Bowl:
    """Two candidates: gold scores 0, the other less the nearer to `bottom` the pixels are not; it never wins. Says where it was asked."""

    def __init__(self, bottom: torch.Tensor, stretch: torch.Tensor) -> None:
        self.bottom, self.stretch = bottom, stretch
        self.asked: list[np.ndarray[Any, Any]] = []

    def __call__(self, pixels: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        if pixels.requires_grad:
            self.asked.append(pixels.detach().double().numpy().copy())
        depth = (self.stretch * (pixels - self.bottom) ** 2).sum((1, 2, 3))
        return torch.stack([torch.zeros_like(depth), -0.5 - 20 * depth], 1)


def test_its_iterates_are_those_of_the_papers_algorithm() -> None:
    """Algorithm 1 of Croce and Hein, written down again for one image, in float64, with numpy alone."""
    draw = torch.Generator().manual_seed(3)
    centre = torch.rand(1, 3, 5, 4, generator=draw) * 0.2 + 0.4
    bottom = centre + (torch.rand(centre.shape, generator=draw) - 0.5) * 0.3
    bowl = Bowl(bottom, torch.rand(centre.shape, generator=draw) + 0.2)
    steps, eps, rho = 40, 0.1, 0.75
    APGD(eps=eps, steps=steps, rho=rho).perturb(centre, bowl, gold(1), ItemNoise([5], (3, 5, 4)))
    asked = np.stack([pixels[0] for pixels in bowl.asked])

    goal, weight, middle = bottom[0].double().numpy(), bowl.stretch[0].double().numpy(), centre[0].double().numpy()

    def project(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.clip(np.clip(pixels, middle - eps, middle + eps), 0, 1)

    def loss(pixels: np.ndarray[Any, Any]) -> float:
        return float(np.log1p(np.exp(-0.5 - 20 * (weight * (pixels - goal) ** 2).sum())))

    def uphill(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return -np.sign(pixels - goal)

    ends = {round(steps * share) for share in (0.2, 0.375, 0.525, 0.65, 0.75, 0.825, 0.875, 0.925, 0.975)}
    step, current, previous = 2 * eps, asked[0], asked[0]
    best, losses, halved, best_before, last_end = current, [loss(current)], True, loss(current), 0
    expected = [current]
    for number in range(1, steps + 1):
        ahead = project(current + step * uphill(current))
        share = 1.0 if number == 1 else 0.75
        moved = project(current + share * (ahead - current) + (1 - share) * (current - previous))
        previous, current = current, moved
        expected.append(current)
        losses.append(loss(current))
        if losses[-1] > loss(best):
            best = current
        if number in ends:
            rises = sum(later > earlier for earlier, later in pairwise(losses[last_end : number + 1]))
            halve = rises <= rho * (number - last_end) or (not halved and loss(best) <= best_before)
            if halve:
                step, current = step / 2, best
            halved, best_before, last_end = halve, loss(best), number
    assert len(asked) == steps + 1
    assert np.abs(asked - np.stack(expected)).max(axis=(1, 2, 3)) == pytest.approx(0, abs=2e-5)
    assert step < 2 * eps / 8  # the path was long enough for several halvings
