from __future__ import annotations

from typing import Any

import pytest
import torch

from robustmel.attacks.image.gradients import LossGradient, LossTrace
from robustmel.attacks.image.noise import UniformNoise
from robustmel.attacks.image.pgd import PGD


def slope(loss: list[float], margin: list[float], finite: list[bool] | None = None) -> LossGradient:
    some = torch.zeros(len(loss))
    known = torch.tensor(finite or [True] * len(loss))
    return LossGradient(torch.tensor(loss), torch.tensor(margin), some, some > 0, known, some)


def test_the_first_and_the_best_of_each_image_are_kept() -> None:
    trace = LossTrace(torch.zeros(3))
    trace.record(slope([1.0, 5.0], [-1.0, -5.0]), torch.tensor([0, 2]))
    trace.record(slope([3.0, 4.0], [-3.0, -4.0]), torch.tensor([0, 2]))
    trace.record(slope([2.0], [-0.5]), torch.tensor([0]))
    assert trace.loss_first[[0, 2]].tolist() == [1.0, 5.0]
    assert trace.loss_best[[0, 2]].tolist() == [3.0, 5.0]
    assert trace.margin_first[[0, 2]].tolist() == [-1.0, -5.0]
    assert trace.margin_best[[0, 2]].tolist() == [-0.5, -4.0]
    assert trace.loss_first[1].isnan()


def test_what_is_no_number_is_passed_over() -> None:
    trace = LossTrace(torch.zeros(1))
    for loss, finite in ((torch.inf, False), (1.0, True), (torch.nan, False), (0.5, True)):
        trace.record(slope([loss], [loss], [finite]), torch.tensor([0]))
    assert (trace.loss_first.item(), trace.loss_best.item()) == (1.0, 1.0)


def test_on_linear_scores_the_gap_closes_by_the_radius_times_the_weights(linear: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(2, low=100, high=150)
    victim = linear(pixels, [10.0, 14.0])
    attack = PGD(eps=2 / 255, step_size=1 / 255, steps=4, random_start=False)
    found = perturb(attack, victim, pixels, torch.zeros(2, dtype=torch.int64))
    closed = 2 / 255 * victim.weights.abs().sum()
    assert found.margin_first.tolist() == pytest.approx([-10.0, -14.0], rel=1e-4)
    assert (found.margin_best - found.margin_first).tolist() == pytest.approx([closed.item()] * 2, rel=1e-3)
    assert (found.loss_best > found.loss_first).all()


def test_what_takes_no_gradient_has_no_trace(pictures: Any, perturb: Any, conv: Any) -> None:
    pixels = pictures(2)
    assert perturb(UniformNoise(), conv, pixels, torch.zeros(2, dtype=torch.int64)).loss_first is None
    assert perturb(PGD(eps=0), conv, pixels, torch.zeros(2, dtype=torch.int64)).loss_first.isnan().all()
