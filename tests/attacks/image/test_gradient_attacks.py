"""What holds for every attack that follows gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

INF = float("inf")


def wrong(victim: Any, pixels: Tensor, gold: Tensor) -> Tensor:
    with torch.no_grad():
        scores = victim(pixels)
    return scores.scatter(1, gold[:, None], -INF).amax(1) > scores.gather(1, gold[:, None])[:, 0]


def rounded(pixels: Tensor) -> Tensor:
    return (pixels * 255).round() / 255


@pytest.mark.parametrize("how", ["detached", "rounded"])
def test_masked_gradients_are_counted(gradient_attack: Any, how: str, conv: Any, pictures: Any, perturb: Any) -> None:
    def masked(batch: Tensor, rows: Tensor | None = None) -> Tensor:
        return conv(batch).detach() if how == "detached" else conv((batch * 255).round() / 255)

    pixels = pictures(3)
    found = perturb(gradient_attack(), masked, pixels, conv.answers(pixels))
    assert bool((found.iterations > 0).all())
    assert torch.equal(found.zero_gradients, found.iterations)


def test_an_honest_victim_has_no_zero_gradients(gradient_attack: Any, conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(8)
    found = perturb(gradient_attack(), conv, pixels, conv.answers(pixels))
    assert int(found.zero_gradients.sum()) == 0


def test_a_victim_that_rounds_with_a_straight_through_gradient_is_attacked_like_any_other(
    gradient_attack: Any, conv: Any, pictures: Any, perturb: Any
) -> None:
    def rounds(batch: Tensor, rows: Tensor | None = None) -> Tensor:
        return conv(batch + (rounded(batch) - batch).detach())

    pixels = pictures(16)
    gold = conv.answers(pixels)
    found = perturb(gradient_attack(), rounds, pixels, gold)
    plain = perturb(gradient_attack(), conv, pixels, gold)
    assert torch.equal(found.succeeded, wrong(rounds, found.pixels, gold))
    assert int((found.succeeded != plain.succeeded).sum()) <= 2


def test_dropping_the_fooled_keeps_success_and_saves_questions(
    gradient_attack: Any, conv: Any, pictures: Any, perturb: Any
) -> None:
    pixels = pictures(16)
    gold = conv.answers(pixels)
    whole = perturb(gradient_attack(), conv, pixels, gold)
    dropped = perturb(gradient_attack(drop_fooled=True), conv, pixels, gold)
    assert bool((dropped.succeeded | ~whole.succeeded).all())
    assert torch.equal(dropped.succeeded, wrong(conv, rounded(dropped.pixels), gold))
    assert int(dropped.iterations.sum()) < int(whole.iterations.sum())


def test_another_wrong_candidate_that_wins_is_no_targeted_success(gradient_attack: Any, pictures: Any, perturb: Any) -> None:
    """The second candidate leads gold everywhere; the third is the target, and out of reach."""
    if not gradient_attack.has("targeted"):
        pytest.skip("has no target")

    def scores(pixels: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        light = pixels.mean((1, 2, 3))
        return torch.stack([0 * light, 0 * light + 5, light - 9], 1)

    found = perturb(gradient_attack(targeted="least_likely"), scores, pictures(3), torch.zeros(3, dtype=torch.long))
    assert found.succeeded.tolist() == [False] * 3
