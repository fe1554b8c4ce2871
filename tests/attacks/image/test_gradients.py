from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from robustmel.attacks import ATTACKS
from robustmel.attacks.image.goal import Goal
from robustmel.attacks.image.gradients import loss_gradient
from robustmel.attacks.image.losses import LOSSES


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("targeted", [False, True])
def test_gradient_agrees_with_finite_differences(name: str, targeted: bool, conv: Any, pictures: Any) -> None:
    conv = conv.double()
    pixels = pictures(3, low=50, high=200).double()
    goal = Goal(torch.tensor([0, 1, 2]), torch.tensor([3, 4, 5]) if targeted else None)
    slope = loss_gradient(conv, pixels, goal, LOSSES[name])
    direction = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    step = 1e-3
    with torch.no_grad():
        up, down = (LOSSES[name](conv(pixels + sign * step * direction), goal) for sign in (1, -1))
    assert (slope.gradient * direction).flatten(1).sum(1).tolist() == pytest.approx(
        ((up - down) / (2 * step)).tolist(), rel=2e-2, abs=1e-3
    )


def half_precision(pixels: Tensor, rows: Tensor | None = None) -> Tensor:
    """Raw cosines of a model whose pixels pass through float16: gradients of about 1e-6 reach the pixels."""
    weights = torch.randn(pixels[0].numel(), 5, generator=torch.Generator().manual_seed(0)) * 4e-6
    return pixels.half().float().flatten(1) @ weights


def test_small_gradients_survive_large_batches(pictures: Any) -> None:
    pixels, goal = pictures(64), Goal(torch.zeros(64, dtype=torch.long))
    together = loss_gradient(half_precision, pixels, goal, LOSSES["ce"])
    alone = loss_gradient(half_precision, pixels[:1], goal.at(torch.tensor([0])), LOSSES["ce"])
    assert not together.zero.any()
    assert torch.equal(together.gradient[0].sign(), alone.gradient[0].sign())
    averaged = loss_gradient(half_precision, pixels, goal, lambda scores, goal: LOSSES["ce"](scores, goal) / 64)
    assert float((averaged.gradient == 0).float().mean()) > 0.2  # what a mean would lose


def test_tiny_gradients_are_not_taken_for_zero(pictures: Any) -> None:
    weights = torch.randn(768, 2, generator=torch.Generator().manual_seed(0)) * 1e-30
    slope = loss_gradient(
        lambda pixels, rows=None: pixels.flatten(1) @ weights, pictures(2), Goal(torch.tensor([0, 1])), LOSSES["margin"]
    )
    assert not slope.zero.any()
    assert slope.finite.all()


class KeepsItsGradient(torch.autograd.Function):
    """A part of a model that hands out a tensor of its own as the gradient."""

    own = torch.ones(2, 3, 16, 16)

    @staticmethod
    def forward(context: Any, pixels: Tensor) -> Tensor:
        return pixels.flatten(1).sum(1)

    @staticmethod
    def backward(context: Any, *upstream: Tensor) -> Tensor:  # type: ignore[override]
        return KeepsItsGradient.own


@pytest.mark.parametrize("attack", ["pgd", "apgd", "cw"])
@pytest.mark.parametrize("brightness", [lambda pixels: pixels.flatten(1).sum(1), KeepsItsGradient.apply], ids=["sum", "own"])
def test_a_gradient_that_belongs_to_the_model_is_not_written_over(
    attack: str, brightness: Any, pictures: Any, perturb: Any
) -> None:
    def victim(pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        total = brightness(pixels)
        return torch.stack([torch.full_like(total, 400.0), total], 1)

    KeepsItsGradient.own.fill_(2.5)
    perturb(ATTACKS.create(attack, steps=3), victim, pictures(2), torch.zeros(2, dtype=torch.long))
    assert bool((KeepsItsGradient.own == 2.5).all())


def test_an_objective_that_never_reads_the_pixels_has_the_gradient_zero(pictures: Any) -> None:
    constant = torch.tensor([[1.0, 0.0]], requires_grad=True)
    slope = loss_gradient(
        lambda pixels, rows=None: constant.expand(2, 2), pictures(2), Goal(torch.tensor([0, 0])), LOSSES["ce"]
    )
    assert slope.zero.all()
    assert constant.grad is None


@pytest.mark.parametrize(
    "scores",
    [
        lambda pixels: pixels.detach(),
        lambda pixels: (pixels * 255).to(torch.uint8).float(),
        lambda pixels: torch.from_numpy(pixels.numpy()),
        lambda pixels: torch.from_numpy(np.asarray(pixels)),
        torch.no_grad()(lambda pixels: pixels * 2),
        torch.inference_mode()(lambda pixels: pixels * 2),
    ],
    ids=["detached", "integers", "numpy", "array", "no_grad", "inference_mode"],
)
@pytest.mark.parametrize("learns", [False, True])
def test_scores_cut_off_from_the_pixels_have_a_gradient_of_zero(scores: Any, learns: bool, pictures: Any) -> None:
    weights = torch.nn.Linear(3 * 16 * 16, 4).requires_grad_(learns)

    def victim(pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        found: Tensor = weights(scores(pixels).clone().flatten(1))
        return found

    slope = loss_gradient(victim, pictures(2), Goal(torch.tensor([0, 1])), LOSSES["ce"])
    assert slope.zero.all()
    assert slope.finite.all()
    assert not slope.gradient.any()


def test_other_failures_of_the_scores_are_not_taken_for_a_gradient_of_zero(pictures: Any) -> None:
    def victim(pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        loss_gradient(victim, pictures(2), Goal(torch.tensor([0, 1])), LOSSES["ce"])
