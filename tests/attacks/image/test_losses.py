from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from robustmel.attacks.image.goal import Goal, choose_target, lead
from robustmel.attacks.image.item_noise import ItemNoise
from robustmel.attacks.image.losses import LOSSES, cross_entropy, dlr

INF = math.inf


def scores(rows: int = 5, columns: int = 7, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * 3


def goals(targeted: bool) -> Goal:
    return Goal(torch.tensor([0, 1, 2, 3, 6]), torch.tensor([4, 4, 0, 1, 2]) if targeted else None)


@pytest.mark.parametrize("targeted", [False, True])
def test_ratio_loss_is_that_of_the_paper(targeted: bool) -> None:
    goal, values = goals(targeted), scores()
    for row, ours in enumerate(dlr(values, goal).tolist()):
        z = values[row].double().numpy()
        y, ranked = int(goal.gold[row]), np.sort(z)[::-1]
        if goal.target is None:
            expected = -(z[y] - max(np.delete(z, y))) / (ranked[0] - ranked[2])
        else:
            expected = -(z[y] - z[int(goal.target[row])]) / (ranked[0] - (ranked[2] + ranked[3]) / 2)
        assert ours == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("targeted", [False, True])
def test_cross_entropy_is_summed_by_hand(targeted: bool) -> None:
    goal, values = goals(targeted), scores()
    column = goal.gold if goal.target is None else goal.target
    by_hand = -np.log(np.exp(values.double().numpy())[range(5), column] / np.exp(values.double().numpy()).sum(1))
    assert cross_entropy(values, goal).tolist() == pytest.approx((-by_hand if targeted else by_hand).tolist(), rel=1e-4)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("shift", [-200.0, 200.0])
def test_a_constant_added_to_all_scores_changes_no_loss(name: str, targeted: bool, shift: float) -> None:
    goal, values = goals(targeted), scores()
    assert torch.allclose(LOSSES[name](values + shift, goal), LOSSES[name](values, goal), atol=1e-3)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("absent", [1, 3, 40])
def test_absent_candidates_change_neither_loss_nor_gradient(name: str, targeted: bool, absent: int) -> None:
    goal = goals(targeted)
    bare, padded = (scores().requires_grad_() for _ in range(2))
    without = LOSSES[name](bare, goal)
    within = LOSSES[name](torch.cat([padded, padded.new_full((5, absent), -INF)], 1), goal)
    without.sum().backward()
    within.sum().backward()
    assert torch.allclose(within, without, rtol=1e-5)
    assert bare.grad is not None
    assert padded.grad is not None
    assert torch.allclose(padded.grad, bare.grad, rtol=1e-4, atol=1e-7)


@given(some.lists(some.floats(-50, 50, width=32), min_size=2, max_size=6), some.integers(0, 5), some.booleans())
@settings(max_examples=150, deadline=None)
def test_no_loss_breaks_on_short_or_tied_lists(values: list[float], gold: int, targeted: bool) -> None:
    gold %= len(values)
    goal = Goal(torch.tensor([gold]), torch.tensor([(gold + 1) % len(values)]) if targeted else None)
    for padding in (0, 3):
        leaf = torch.tensor([values + [-INF] * padding], requires_grad=True)
        for loss in LOSSES.values():
            value = loss(leaf, goal)
            (gradient,) = torch.autograd.grad(value.sum(), leaf)
            assert value.isfinite().all()
            assert gradient[:, : len(values)].isfinite().all()
            assert (gradient[:, len(values) :] == 0).all()


def test_ratio_loss_of_short_lists_is_the_margin() -> None:
    values = torch.tensor([[1.0, 3.0, -INF, -INF], [1.0, 3.0, 2.0, -INF]])
    assert dlr(values, Goal(torch.tensor([1, 1]))).tolist() == pytest.approx([-2.0, -0.5])
    assert dlr(values[:, :2], Goal(torch.tensor([1, 1]))).tolist() == [-2.0, -2.0]


def test_a_tie_is_no_lead() -> None:
    assert lead(torch.tensor([[2.0, 2.0, 1.0]]), torch.tensor([0])).tolist() == [0.0]
    assert not bool(Goal(torch.tensor([0])).margin(torch.tensor([[2.0, 2.0, 1.0]])) > 0)


def test_targets_are_what_their_names_say() -> None:
    values = torch.tensor([[5.0, 1.0, 4.0, -INF], [0.0, 2.0, 1.0, 3.0], [1.0, 9.0, -INF, -INF]])
    gold, noise = torch.tensor([0, 3, 1]), ItemNoise(range(3), (1,))
    assert choose_target("runner_up", values, gold, noise).tolist() == [2, 1, 0]
    assert choose_target("least_likely", values, gold, noise).tolist() == [1, 0, 0]


def test_a_drawn_target_is_any_present_candidate_but_the_right_one() -> None:
    values, gold = torch.tensor([[5.0, 1.0, 4.0, -INF, 0.0]]).expand(200, 5), torch.full((200,), 2)
    drawn = choose_target("random", values, gold, ItemNoise(range(200), (1,)))
    counts = torch.bincount(drawn, minlength=5).tolist()
    assert counts[2] == counts[3] == 0
    assert min(counts[0], counts[1], counts[4]) > 40
