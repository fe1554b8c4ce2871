"""What holds for every attack that follows gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import Tensor

from robustmel.attacks import ATTACKS

INF = float("inf")

ATTACKS_TRIED: dict[str, tuple[str, dict[str, Any]]] = {
    "pgd": ("pgd", {"eps": "8/255", "steps": 8}),
    "pgd-plain": ("pgd", {"eps": "8/255", "steps": 8, "random_start": False}),
    "pgd-restarts": ("pgd", {"eps": "8/255", "steps": 4, "restarts": 3}),
    "apgd": ("apgd", {"eps": "8/255", "steps": 8}),
    "apgd-dlr": ("apgd", {"eps": "8/255", "steps": 8, "loss": "dlr", "restarts": 2}),
    "cw": ("cw", {"c": 1.0, "steps": 15, "lr": 0.05}),
    "cw-search": ("cw", {"binary_search_steps": 3, "steps": 10, "lr": 0.05, "initial_const": 0.1, "abort_early": True}),
    "fmn": ("fmn", {"steps": 15}),
    "fmn-linf": ("fmn", {"steps": 15, "norm": "linf"}),
}

SHORTEST = ("cw", "fmn")
"""Attacks that seek the shortest change instead of keeping a budget."""

every_attack = pytest.mark.parametrize(("name", "given_"), ATTACKS_TRIED.values(), ids=ATTACKS_TRIED)


def wrong(victim: Any, pixels: Tensor, gold: Tensor) -> Tensor:
    with torch.no_grad():
        scores = victim(pixels)
    return scores.scatter(1, gold[:, None], -INF).amax(1) > scores.gather(1, gold[:, None])[:, 0]


def rounded(pixels: Tensor) -> Tensor:
    return (pixels * 255).round() / 255


def clean_answers(victim: Any, pixels: Tensor) -> Tensor:
    with torch.no_grad():
        return victim(pixels).argmax(1)


@every_attack
@pytest.mark.parametrize("targeted", [None, "runner_up"])
def test_success_is_what_a_reader_of_the_png_would_find(
    name: str, given_: dict[str, Any], targeted: str | None, conv: Any, pictures: Any, perturb: Any
) -> None:
    pixels = pictures(24)
    gold = clean_answers(conv, pixels)
    found = perturb(ATTACKS.create(name, targeted=targeted, **given_), conv, pixels, gold)
    target = conv(pixels).scatter(1, gold[:, None], -INF).argmax(1)
    answers = clean_answers(conv, rounded(found.pixels))
    assert torch.equal(found.succeeded, answers != gold if targeted is None else answers == target)
    assert int(found.succeeded.sum()) > 0


@every_attack
def test_what_is_reported_is_what_was_spent(name: str, given_: dict[str, Any], conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(12)
    gold, attack = clean_answers(conv, pixels), ATTACKS.create(name, **given_)
    conv.asked.clear()
    found = perturb(attack, conv, pixels, gold)
    assert int(found.queries.sum()) == sum(conv.asked)
    assert int(found.queries.max()) <= attack.passes()
    change = (found.pixels - pixels).flatten(1)
    assert torch.allclose(found.linf, change.abs().amax(1))
    assert torch.allclose(found.l2, change.norm(dim=1))
    if getattr(attack, "restarts", 1) == 1 and name not in SHORTEST:
        assert int(found.queries.max()) <= attack.steps + 2
        assert int(found.iterations.max()) <= attack.steps + (name == "apgd")


@every_attack
@pytest.mark.parametrize("options", [{}, {"drop_fooled": True}, {"spare_wrong": True}, {"targeted": "random"}])
def test_neighbours_do_not_matter(
    name: str, given_: dict[str, Any], options: dict[str, Any], conv: Any, pictures: Any, perturb: Any
) -> None:
    pixels, attack = pictures(6), ATTACKS.create(name, **given_, **options)
    gold = clean_answers(conv, pixels)
    gold[1] = (gold[1] + 1) % 6
    together = perturb(attack, conv, pixels, gold)
    for index in range(6):
        alone = perturb(attack, conv, pixels[index : index + 1], gold[index : index + 1], first=index)
        assert bool(alone.succeeded[0]) == bool(together.succeeded[index])
        assert torch.allclose(alone.linf[0], together.linf[index], atol=0.1)


@every_attack
def test_the_same_seed_gives_the_same_bytes(name: str, given_: dict[str, Any], conv: Any, pictures: Any, perturb: Any) -> None:
    pixels, attack = pictures(4), ATTACKS.create(name, **given_)
    gold = clean_answers(conv, pixels)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = perturb(attack, conv, pixels, gold).pixels
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert torch.equal(perturb(attack, conv, pixels, gold).pixels, first)


@every_attack
@pytest.mark.parametrize("shift", [-200.0, 200.0])
def test_a_constant_added_to_all_scores_changes_no_outcome(
    name: str, given_: dict[str, Any], shift: float, conv: Any, pictures: Any, perturb: Any
) -> None:
    pixels, attack = pictures(16), ATTACKS.create(name, **given_)
    gold = clean_answers(conv, pixels)
    plain = perturb(attack, conv, pixels, gold)
    moved = perturb(attack, lambda batch, rows=None: conv(batch) + shift, pixels, gold)
    assert torch.equal(moved.succeeded, plain.succeeded)
    assert int(plain.succeeded.sum()) > 0


@every_attack
def test_absent_candidates_change_no_outcome(name: str, given_: dict[str, Any], conv: Any, pictures: Any, perturb: Any) -> None:
    pixels, attack = pictures(8), ATTACKS.create(name, **given_)
    gold = clean_answers(conv, pixels)

    def padded(batch: Tensor, rows: Tensor | None = None) -> Tensor:
        return torch.nn.functional.pad(conv(batch), (0, 5), value=-INF)

    found, plain = perturb(attack, padded, pixels, gold), perturb(attack, conv, pixels, gold)
    assert torch.equal(found.succeeded, plain.succeeded)
    assert found.note == plain.note == ""


@every_attack
def test_failures_equal_the_input_bit_for_bit(
    name: str, given_: dict[str, Any], pictures: Any, linear: Any, perturb: Any
) -> None:
    pixels = pictures(4, low=100, high=155)
    far = 1e3 if name in SHORTEST else 60.0  # cross-entropy has no gradient left at 1000
    victim, gold = linear(pixels, [far, far, far, 1.0]), torch.zeros(4, dtype=torch.long)
    found = perturb(ATTACKS.create(name, **given_), victim, pixels, gold)
    assert found.succeeded.tolist() == [False, False, False, True]
    assert torch.equal(found.pixels[:3], pixels[:3])
    kept = perturb(ATTACKS.create(name, on_failure="last", **given_), victim, pixels, gold)
    assert bool((kept.linf[:3] > 0.01).all())
    assert kept.succeeded.tolist() == found.succeeded.tolist()


@every_attack
@pytest.mark.parametrize("nothing", [{"eps": 0}, {"steps": 0}])
def test_a_budget_of_zero_is_the_identity(
    name: str, given_: dict[str, Any], nothing: dict[str, Any], conv: Any, pictures: Any, perturb: Any
) -> None:
    if name in SHORTEST and "eps" in nothing:
        pytest.skip("the attack has no eps")
    pixels = pictures(4)
    gold = clean_answers(conv, pixels)
    gold[0] = (gold[0] + 1) % 6
    for on_failure in ("input", "last"):
        found = perturb(ATTACKS.create(name, **(given_ | nothing), on_failure=on_failure), conv, pixels, gold)
        assert torch.equal(found.pixels, pixels)
        assert found.succeeded.tolist() == [True, False, False, False]


@every_attack
def test_images_already_wrong_are_attacked_unless_spared(
    name: str, given_: dict[str, Any], conv: Any, pictures: Any, perturb: Any
) -> None:
    pixels = pictures(8)
    gold = clean_answers(conv, pixels)
    gold[:4] = (gold[:4] + 1) % 6
    spared = perturb(ATTACKS.create(name, spare_wrong=True, **given_), conv, pixels, gold)
    assert torch.equal(spared.pixels[:4], pixels[:4])
    assert spared.iterations[:4].tolist() == [0] * 4
    assert bool(spared.succeeded[:4].all())
    attacked = perturb(ATTACKS.create(name, **given_), conv, pixels, gold)
    assert bool((attacked.iterations[:4] > 0).all())
    if name in SHORTEST:  # no change is the shortest that fools
        assert torch.equal(attacked.pixels[:4], pixels[:4])
    else:
        assert bool((attacked.linf[:4] > 0).all())


@every_attack
def test_parameters_get_no_gradient(name: str, given_: dict[str, Any], conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(2)
    with torch.no_grad():  # a caller may have switched gradients off
        perturb(ATTACKS.create(name, **given_), conv, pixels, torch.zeros(2, dtype=torch.long))
    assert all(parameter.grad is None for parameter in conv.parameters())
    assert not pixels.requires_grad


@every_attack
@pytest.mark.parametrize("how", ["detached", "rounded"])
def test_masked_gradients_are_counted(
    name: str, given_: dict[str, Any], how: str, conv: Any, pictures: Any, perturb: Any
) -> None:
    def masked(batch: Tensor, rows: Tensor | None = None) -> Tensor:
        return conv(batch).detach() if how == "detached" else conv((batch * 255).round() / 255)

    pixels = pictures(3)
    found = perturb(ATTACKS.create(name, **given_), masked, pixels, clean_answers(conv, pixels))
    assert bool((found.iterations > 0).all())
    assert torch.equal(found.zero_gradients, found.iterations)


@every_attack
def test_an_honest_victim_has_no_zero_gradients(
    name: str, given_: dict[str, Any], conv: Any, pictures: Any, perturb: Any
) -> None:
    pixels = pictures(8)
    found = perturb(ATTACKS.create(name, **given_), conv, pixels, clean_answers(conv, pixels))
    assert int(found.zero_gradients.sum()) == 0


class Spoiled:
    """A victim that answers image 1 with something else than numbers, from a certain question on."""

    def __init__(self, victim: Any, value: float, after: int) -> None:
        self.victim, self.value, self.after, self.asked = victim, value, after, 0

    def __call__(self, batch: Tensor, rows: Tensor | None = None) -> Tensor:
        self.asked += 1
        names = torch.arange(len(batch)) if rows is None else rows
        scores: Tensor = self.victim(batch)
        spoilt = torch.zeros_like(scores)
        spoilt[names == 1] = self.value if self.asked > self.after else 0.0
        return scores + spoilt


@every_attack
@pytest.mark.parametrize("value", [float("nan"), INF])
@pytest.mark.parametrize("after", [0, 2])
def test_what_is_no_number_stops_its_image_alone(
    name: str, given_: dict[str, Any], value: float, after: int, conv: Any, pictures: Any, perturb: Any
) -> None:
    pixels = pictures(4)
    gold = clean_answers(conv, pixels)
    sound = perturb(ATTACKS.create(name, **given_), conv, pixels, gold)
    found = perturb(ATTACKS.create(name, **given_), Spoiled(conv, value, after), pixels, gold)
    assert "not finite" in found.note
    assert not found.succeeded[1]
    assert torch.equal(found.pixels[1], pixels[1])
    assert int(found.queries[1]) == after + 1
    others = torch.tensor([0, 2, 3])
    assert torch.equal(found.succeeded[others], sound.succeeded[others])
    assert bool(found.pixels.isfinite().all())
    last = perturb(ATTACKS.create(name, on_failure="last", **given_), Spoiled(conv, value, after), pixels, gold)
    assert bool(last.pixels.isfinite().all())
    assert bool(last.linf[1] == 0) == (after == 0)


@every_attack
def test_a_single_candidate_cannot_be_displaced(
    name: str, given_: dict[str, Any], conv: Any, pictures: Any, perturb: Any
) -> None:
    pixels = pictures(2)
    for alone in (lambda batch, rows=None: conv(batch)[:, :1], lambda batch, rows=None: pad_to(conv(batch)[:, :1], 4)):
        found = perturb(ATTACKS.create(name, **given_), alone, pixels, torch.zeros(2, dtype=torch.long))
        assert not found.succeeded.any()
        assert torch.equal(found.pixels, pixels)


def pad_to(scores: Tensor, columns: int) -> Tensor:
    return torch.nn.functional.pad(scores, (0, columns - scores.shape[1]), value=-INF)


@every_attack
def test_a_tie_is_no_success(name: str, given_: dict[str, Any], conv: Any, pictures: Any, perturb: Any) -> None:
    """Two candidates with the same text score the same: neither displaces the other."""

    def twins(batch: Tensor, rows: Tensor | None = None) -> Tensor:
        one = conv(batch)[:, :1]
        return torch.cat([one, one], 1)

    pixels = pictures(3)
    found = perturb(ATTACKS.create(name, **given_), twins, pixels, torch.zeros(3, dtype=torch.long))
    assert not found.succeeded.any()
    assert torch.equal(found.pixels, pixels)


@every_attack
def test_a_victim_that_rounds_with_a_straight_through_gradient_is_attacked_like_any_other(
    name: str, given_: dict[str, Any], conv: Any, pictures: Any, perturb: Any
) -> None:
    def rounds(batch: Tensor, rows: Tensor | None = None) -> Tensor:
        return conv(batch + (rounded(batch) - batch).detach())

    pixels = pictures(16)
    gold = clean_answers(conv, pixels)
    found = perturb(ATTACKS.create(name, **given_), rounds, pixels, gold)
    plain = perturb(ATTACKS.create(name, **given_), conv, pixels, gold)
    assert torch.equal(found.succeeded, wrong(rounds, found.pixels, gold))
    assert int((found.succeeded != plain.succeeded).sum()) <= 2


@every_attack
def test_dropping_the_fooled_keeps_success_and_saves_questions(
    name: str, given_: dict[str, Any], conv: Any, pictures: Any, perturb: Any
) -> None:
    pixels = pictures(16)
    gold = clean_answers(conv, pixels)
    whole = perturb(ATTACKS.create(name, **given_), conv, pixels, gold)
    dropped = perturb(ATTACKS.create(name, drop_fooled=True, **given_), conv, pixels, gold)
    assert bool((dropped.succeeded | ~whole.succeeded).all())
    assert torch.equal(dropped.succeeded, wrong(conv, rounded(dropped.pixels), gold))
    assert int(dropped.iterations.sum()) < int(whole.iterations.sum())


@pytest.mark.parametrize("name", ["pgd", "apgd", "noise"])
@given(quarters=some.integers(0, 1020), seed=some.integers(0, 999), dark=some.booleans())
@settings(max_examples=15, deadline=None)
def test_no_pixel_leaves_its_budget(name: str, quarters: int, seed: int, dark: bool) -> None:
    eps = quarters / 1020
    pixels = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(seed)) * (0.05 if dark else 1)
    weights = torch.randn(108, 3, generator=torch.Generator().manual_seed(seed + 1))
    from robustmel.attacks.noise_source import ItemNoise

    attack = ATTACKS.create(name, eps=eps) if name == "noise" else ATTACKS.create(name, eps=eps, steps=3, on_failure="last")
    found = attack.perturb(
        pixels,
        lambda batch, rows=None: batch.flatten(1) @ weights,
        torch.zeros(2, dtype=torch.long),
        ItemNoise([seed, seed + 1], (3, 6, 6)),
    )
    assert float(found.linf.max()) <= eps
    assert 0 <= float(found.pixels.min()) <= float(found.pixels.max()) <= 1


@pytest.mark.parametrize("name", ["pgd", "apgd", "noise"])
@pytest.mark.parametrize("steps_of_255", [1, 4, 8, 51])
def test_rounding_to_8_bits_keeps_the_budget(name: str, steps_of_255: int, conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(8)
    attack = ATTACKS.create(name, eps=f"{steps_of_255}/255", **({} if name == "noise" else {"steps": 5, "on_failure": "last"}))
    found = perturb(attack, conv, pixels, torch.zeros(8, dtype=torch.long))
    apart = ((found.pixels * 255).round() - (pixels * 255).round()).abs()
    assert float(apart.max()) <= steps_of_255


@every_attack
def test_black_and_white_images_are_moved(name: str, given_: dict[str, Any], conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = (pictures(8) > 0.5).float()
    gold = clean_answers(conv, pixels)
    if name == "cw":  # tanh space is flat at its ends: it takes longer ways
        given_ = given_ | {"lr": 0.5, "steps": 60, "c": 10.0, "initial_const": 10.0, "binary_search_steps": 1}
    elif name == "fmn":  # its guess of the boundary knows of no border: it takes more steps
        given_ = given_ | {"steps": 60}
    else:
        given_ = given_ | {"eps": "32/255", "step_size": "8/255"} if name == "pgd" else given_ | {"eps": "32/255"}
    found = perturb(ATTACKS.create(name, **given_), conv, pixels, gold)
    assert bool(found.pixels.isfinite().all())
    assert int(found.succeeded.sum()) >= 6
