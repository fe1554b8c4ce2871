"""What holds for every attack that asks for scores."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

INF = float("inf")


def rounded(pixels: Tensor) -> Tensor:
    return (pixels * 255).round() / 255


def needs(tried: Any, options: dict[str, Any]) -> None:
    if not tried.has(*options):
        pytest.skip(f"the attack has no {', '.join(options)}")


@pytest.mark.parametrize("options", [{}, {"targeted": "runner_up"}])
def test_success_is_what_a_reader_of_the_png_would_find(
    tried: Any, options: dict[str, Any], conv: Any, pictures: Any, perturb: Any
) -> None:
    needs(tried, options)
    pixels = pictures(24)
    gold = conv.answers(pixels)
    found = perturb(tried(**options), conv, pixels, gold)
    target = conv(pixels).scatter(1, gold[:, None], -INF).argmax(1)
    answers = conv.answers(rounded(found.pixels))
    assert torch.equal(found.succeeded, answers == target if options else answers != gold)
    assert int(found.succeeded.sum()) > 0


def test_what_is_reported_is_what_was_spent(tried: Any, conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(12)
    gold, attack = conv.answers(pixels), tried()
    conv.asked.clear()
    found = perturb(attack, conv, pixels, gold)
    assert int(found.queries.sum()) == sum(conv.asked)
    assert int(found.queries.max()) <= attack.passes()
    change = (found.pixels - pixels).flatten(1)
    assert torch.allclose(found.linf, change.abs().amax(1))
    assert torch.allclose(found.l2, change.norm(dim=1))
    assert bool((found.iterations <= found.queries).all())
    assert bool((found.iterations > 0).all()) == tried.follows_gradients
    if tried.name in ("pgd", "apgd") and attack.restarts == 1:
        assert int(found.queries.max()) <= attack.steps + 2
        assert int(found.iterations.max()) <= attack.steps + (tried.name == "apgd")


@pytest.mark.parametrize("options", [{}, {"drop_fooled": True}, {"skip_misclassified": True}, {"targeted": "random"}])
def test_neighbours_do_not_matter(tried: Any, options: dict[str, Any], conv: Any, pictures: Any, perturb: Any) -> None:
    needs(tried, options)
    pixels, attack = pictures(6), tried(**options)
    gold = conv.answers(pixels)
    gold[1] = (gold[1] + 1) % 6
    together = perturb(attack, conv, pixels, gold)
    for index in range(6):
        alone = perturb(attack, conv, pixels[index : index + 1], gold[index : index + 1], first=index)
        assert bool(alone.succeeded[0]) == bool(together.succeeded[index])
        assert torch.allclose(alone.linf[0], together.linf[index], atol=0.1)


def test_the_same_seed_gives_the_same_bytes(tried: Any, conv: Any, pictures: Any, perturb: Any) -> None:
    pixels, attack = pictures(4), tried()
    gold = conv.answers(pixels)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = perturb(attack, conv, pixels, gold).pixels
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert torch.equal(perturb(attack, conv, pixels, gold).pixels, first)


@pytest.mark.parametrize("shift", [-200.0, 200.0])
def test_a_constant_added_to_all_scores_changes_no_outcome(
    tried: Any, shift: float, conv: Any, pictures: Any, perturb: Any
) -> None:
    pixels, attack = pictures(16), tried()
    gold = conv.answers(pixels)
    plain = perturb(attack, conv, pixels, gold)
    moved = perturb(attack, lambda batch, rows=None: conv(batch) + shift, pixels, gold)
    assert torch.equal(moved.succeeded, plain.succeeded)
    assert int(plain.succeeded.sum()) > 0


def test_absent_candidates_change_no_outcome(tried: Any, conv: Any, pictures: Any, perturb: Any) -> None:
    pixels, attack = pictures(8), tried()
    gold = conv.answers(pixels)

    def padded(batch: Tensor, rows: Tensor | None = None) -> Tensor:
        return torch.nn.functional.pad(conv(batch), (0, 5), value=-INF)

    found, plain = perturb(attack, padded, pixels, gold), perturb(attack, conv, pixels, gold)
    assert torch.equal(found.succeeded, plain.succeeded)
    assert found.note == plain.note == ""


def test_failures_equal_the_input_bit_for_bit(tried: Any, pictures: Any, linear: Any, perturb: Any) -> None:
    pixels = pictures(4, low=100, high=155)
    far = 1e3 if tried.shortest else 60.0  # cross-entropy has no gradient left at 1000
    victim, gold = linear(pixels, [far, far, far, 1.0]), torch.zeros(4, dtype=torch.long)
    found = perturb(tried(), victim, pixels, gold)
    assert found.succeeded.tolist() == [False, False, False, True]
    assert torch.equal(found.pixels[:3], pixels[:3])
    kept = perturb(tried(on_failure="last"), victim, pixels, gold)
    assert bool((kept.linf[:3] > 0.01).all())
    assert kept.succeeded.tolist() == found.succeeded.tolist()


@pytest.mark.parametrize("nothing", [{"eps": 0}, {"steps": 0}, {"queries": 0}, {"steps": 0, "queries": 0}])
def test_a_budget_of_zero_is_the_identity(tried: Any, nothing: dict[str, Any], conv: Any, pictures: Any, perturb: Any) -> None:
    needs(tried, nothing)
    if tried.has("steps", "queries") and len(nothing) == 1 and "eps" not in nothing:
        pytest.skip("the other members still have a budget")
    pixels = pictures(4)
    gold = conv.answers(pixels)
    gold[0] = (gold[0] + 1) % 6
    for on_failure in ("input", "last"):
        found = perturb(tried(**nothing, on_failure=on_failure), conv, pixels, gold)
        assert torch.equal(found.pixels, pixels)
        assert found.succeeded.tolist() == [True, False, False, False]


def test_images_already_wrong_are_attacked_unless_spared(tried: Any, conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(8)
    gold = conv.answers(pixels)
    gold[:4] = (gold[:4] + 1) % 6
    spared = perturb(tried(skip_misclassified=True), conv, pixels, gold)
    assert torch.equal(spared.pixels[:4], pixels[:4])
    assert spared.iterations[:4].tolist() == [0] * 4
    assert bool(spared.succeeded[:4].all())
    attacked = perturb(tried(), conv, pixels, gold)
    assert bool((attacked.queries[:4] > 0).all())
    if tried.shortest:  # no change is the shortest that fools
        assert torch.equal(attacked.pixels[:4], pixels[:4])
    else:
        assert bool((attacked.linf[:4] > 0).all())


def test_parameters_get_no_gradient(tried: Any, conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(2)
    with torch.no_grad():  # a caller may have switched gradients off
        perturb(tried(), conv, pixels, torch.zeros(2, dtype=torch.long))
    assert all(parameter.grad is None for parameter in conv.parameters())
    assert not pixels.requires_grad


def test_a_single_candidate_cannot_be_displaced(tried: Any, conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(2)
    for alone in (lambda batch, rows=None: conv(batch)[:, :1], lambda batch, rows=None: pad_to(conv(batch)[:, :1], 4)):
        found = perturb(tried(), alone, pixels, torch.zeros(2, dtype=torch.long))
        assert not found.succeeded.any()
        assert not found.failed.any()
        assert torch.equal(found.pixels, pixels)


def pad_to(scores: Tensor, columns: int) -> Tensor:
    return torch.nn.functional.pad(scores, (0, columns - scores.shape[1]), value=-INF)


def test_a_tie_is_no_success(tried: Any, conv: Any, pictures: Any, perturb: Any) -> None:
    """Two candidates with the same text score the same: neither displaces the other."""

    def twins(batch: Tensor, rows: Tensor | None = None) -> Tensor:
        one = conv(batch)[:, :1]
        return torch.cat([one, one], 1)

    pixels = pictures(3)
    found = perturb(tried(), twins, pixels, torch.zeros(3, dtype=torch.long))
    assert not found.succeeded.any()
    assert not found.failed.any()
    assert not found.zero_gradients.any()
    assert torch.equal(found.pixels, pixels)


def test_black_and_white_images_are_moved(tried: Any, conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = (pictures(8) > 0.5).float()
    gold = conv.answers(pixels)
    more = {  # tanh space is flat at its ends, and FMN's guess of the boundary knows of no border: they take longer
        "cw": {"lr": 0.5, "steps": 60, "c": 10.0, "initial_const": 10.0, "binary_search_steps": 1},
        "fmn": {"steps": 60},
        "pgd": {"eps": "32/255", "step_size": "8/255"},
        "square": {"eps": "64/255", "queries": 100},
    }.get(tried.name, {"eps": "32/255"})
    found = perturb(tried(**more), conv, pixels, gold)
    assert bool(found.pixels.isfinite().all())
    assert int(found.succeeded.sum()) >= 6


def test_a_budget_of_zero_and_skipped_images_go_together(tried: Any, conv: Any, pictures: Any, perturb: Any) -> None:
    nothing = (
        {"queries": 0} if tried.name == "square" else {"steps": 0} | ({"queries": 0} if tried.name == "autoattack" else {})
    )
    pixels = pictures(4)
    gold = conv(pixels).argmax(1)
    gold[1] = (gold[1] + 1) % 6
    found = perturb(tried(skip_misclassified=True, **nothing), conv, pixels, gold)
    assert torch.equal(found.pixels, pixels)
    assert found.succeeded.tolist() == [False, True, False, False]
