from __future__ import annotations

from typing import Any

import pytest
import torch

from robustmel.attacks.image.cw import UNBOUNDED, Adam, CarliniWagner, ConstantSearch


def gold(count: int) -> torch.Tensor:
    return torch.zeros(count, dtype=torch.long)


def test_the_change_is_nearly_the_shortest_there_is(linear: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(4, low=100, high=155)
    victim = linear(pixels, [5.0, 10.0, 20.0, 40.0])
    found = perturb(CarliniWagner(c=1.0, lr=0.005, steps=400), victim, pixels, gold(4))
    shares = found.l2 / victim.l2
    assert bool((shares >= 1 - 1e-4).all())
    assert bool((shares < 1.05).all())


def test_a_weight_too_small_fails_and_leaves_the_input(linear: Any, pictures: Any, perturb: Any) -> None:
    """Length squared plus c times the lead is least half of c |w| squared up the way: it must be more than the distance."""
    pixels = pictures(4, low=100, high=155)
    victim = linear(pixels, [4.0] * 4)
    needed = 2 * 4.0 / float(victim.weights.norm()) ** 2
    for factor, fooled in ((0.0, False), (0.6, False), (2.0, True)):
        found = perturb(CarliniWagner(c=factor * needed, lr=0.001, steps=200), victim, pixels, gold(4))
        assert victim(found.pixels).argmax(1).tolist() == [int(fooled)] * 4
        assert torch.equal(found.pixels, pixels) != fooled


def test_the_search_finds_weights_where_a_fixed_one_fails(linear: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(3, low=100, high=155)
    victim = linear(pixels, [6.0, 12.0, 24.0])
    fixed = perturb(CarliniWagner(c=1e-3, lr=0.002, steps=80), victim, pixels, gold(3))
    search = CarliniWagner(binary_search_steps=6, initial_const=1e-3, lr=0.002, steps=80)
    found = perturb(search, victim, pixels, gold(3))
    assert torch.equal(fixed.pixels, pixels)
    assert found.l2.tolist() == pytest.approx(victim.l2.tolist(), rel=0.15)
    assert found.iterations.tolist() == [480] * 3


def test_a_search_never_makes_the_change_longer(conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(12)
    answers = conv(pixels).argmax(1)
    once = perturb(CarliniWagner(c=1.0, lr=0.02, steps=40), conv, pixels, answers)
    search = CarliniWagner(binary_search_steps=5, initial_const=1.0, lr=0.02, steps=40)
    found = perturb(search, conv, pixels, answers)
    both = once.succeeded & found.succeeded
    assert int(both.sum()) >= 6
    assert bool((found.l2[both] <= once.l2[both] + 1e-6).all())


def test_weights_are_searched_for_each_image_on_its_own() -> None:
    constants = ConstantSearch(torch.zeros(2, 3, 1, 1), first=1.0, searches=4)
    rows = torch.arange(2)
    seen = []
    for search in range(4):
        if search:
            constants.update(search)
        seen.append(constants.constant.tolist())
        fooled = torch.tensor([search != 1, search >= 2])
        constants.record(torch.zeros(2, 3, 1, 1), rows, torch.ones(2), fooled)
    assert seen == [[1.0, 1.0], [0.5, 10.0], [0.75, 100.0], [0.625, 55.0]]


def test_the_last_of_many_searches_repeats_the_least_weight_that_fooled() -> None:
    constants = ConstantSearch(torch.zeros(2, 3, 1, 1), first=1.0, searches=10)
    for search in range(1, 10):
        constants.record(torch.zeros(2, 3, 1, 1), torch.arange(2), torch.ones(2), torch.tensor([search == 1, False]))
        constants.update(search)
    assert constants.constant.tolist() == [1.0, UNBOUNDED]


def test_kappa_asks_for_a_lead(conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(12)
    answers = conv(pixels).argmax(1)
    lengths = []
    for kappa in (0.0, 1.0, 3.0):
        found = perturb(CarliniWagner(c=20.0, kappa=kappa, lr=0.05, steps=60), conv, pixels, answers)
        moved = found.linf > 0
        scores = conv(found.pixels[moved])
        own = scores.gather(1, answers[moved, None])[:, 0]
        best = scores.scatter(1, answers[moved, None], -torch.inf).amax(1)
        assert bool((best - own > kappa - 1e-4).all())
        assert int(moved.sum()) >= 6
        lengths.append(float(found.l2[moved].mean()))
    assert lengths == sorted(lengths)


def test_stopping_early_looks_at_each_image_alone(linear: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(2, low=100, high=155)
    victim = linear(pixels, [6.0, 300.0])
    found = perturb(CarliniWagner(c=5.0, lr=0.01, steps=100, abort_early=True), victim, pixels, gold(2))
    alone = perturb(
        CarliniWagner(c=5.0, lr=0.01, steps=100, abort_early=True), linear(pixels[1:], [300.0]), pixels[1:], gold(1)
    )
    assert int(found.iterations[0]) < int(found.iterations[1])
    assert int(alone.iterations[0]) == int(found.iterations[1])
    assert bool(found.linf[0] > 0)


def test_an_image_already_wrong_costs_one_question_and_no_change(conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(4)
    answers = (conv(pixels).argmax(1) + 1) % 6
    found = perturb(CarliniWagner(steps=20), conv, pixels, answers)
    assert torch.equal(found.pixels, pixels)
    assert found.iterations.tolist() == [1] * 4
    assert bool(found.succeeded.all())


def test_adam_is_torchs_own() -> None:
    draw = torch.Generator().manual_seed(0)
    start = torch.randn(4, 3, generator=draw)
    theirs, ours = start.clone(), Adam(start.clone(), 0.03)
    optimiser = torch.optim.Adam([theirs], lr=0.03)
    keep = torch.tensor([True, False, True, True])
    for step in range(20):
        gradient = torch.randn(4, 3, generator=draw) * 10.0 ** (step % 5 - 8)
        theirs.grad = gradient.clone()
        optimiser.step()
        if step == 10:
            ours.narrow(keep)
        ours.step((gradient[keep] if step >= 10 else gradient).clone())
    assert torch.allclose(ours.point, theirs[keep], atol=1e-6)
