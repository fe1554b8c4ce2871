from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from robustmel.attacks.image.ball import Ball

lengths = some.floats(0, 1, allow_subnormal=False)
seeds = some.integers(0, 10_000)


def images(seed: int, spread: float = 1.0) -> torch.Tensor:
    return torch.rand(3, 3, 4, 4, generator=torch.Generator().manual_seed(seed)) * spread


@given(lengths, seeds, some.floats(-3, 3))
@settings(max_examples=60, deadline=None)
def test_what_is_projected_lies_in_the_ball_and_in_the_pixel_range(eps: float, seed: int, shift: float) -> None:
    centre = images(seed)
    inside = Ball(centre, eps).project(images(seed + 1, 4.0) + shift)
    assert float((inside - centre).abs().max()) <= eps
    assert 0 <= float(inside.min()) <= float(inside.max()) <= 1


@given(lengths, seeds)
@settings(max_examples=60, deadline=None)
def test_a_projected_point_stays_where_it_is(eps: float, seed: int) -> None:
    ball = Ball(images(seed), eps)
    once = ball.project(images(seed + 1, 3.0) - 1)
    assert torch.equal(ball.project(once.clone()), once)


@given(lengths, seeds, some.floats(-1, 1))
@settings(max_examples=60, deadline=None)
def test_samples_lie_in_the_ball(eps: float, seed: int, scale: float) -> None:
    centre = images(seed)
    sample = Ball(centre, eps).sample(torch.full_like(centre, scale))
    assert float((sample - centre).abs().max()) <= eps
    assert 0 <= float(sample.min()) <= float(sample.max()) <= 1


def test_projection_is_the_nearest_point() -> None:
    centre, outside = images(1), images(2, 3.0) - 1
    nearest = Ball(centre, 0.1).project(outside.clone())
    for seed in range(200):
        other = Ball(centre, 0.1).sample(2 * images(seed) - 1)
        assert (nearest - outside).norm() <= (other - outside).norm() + 1e-6


def test_a_step_leaves_the_pixels_it_came_from() -> None:
    centre, gradient = images(1), images(2) - 0.5
    start, signs = centre.clone(), gradient.sign()
    moved = Ball(centre, 0.5).step(start, gradient, 0.01)
    assert torch.equal(start, centre)
    assert torch.allclose(moved, (centre + 0.01 * signs).clamp(0, 1), atol=1e-6)


def test_a_narrowed_ball_is_that_of_the_images_kept() -> None:
    centre, keep = images(1), torch.tensor([True, False, True])
    outside = images(2, 3.0)[keep]
    assert torch.equal(
        Ball(centre, 0.1).narrow(keep).project(outside.clone()), Ball(centre[keep], 0.1).project(outside.clone())
    )
