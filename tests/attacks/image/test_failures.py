"""Scores that are no numbers: what fooled before is kept, the next run goes on, and what came to no end says so."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from robustmel.attacks import ATTACKS

INF = float("inf")


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


@pytest.mark.parametrize("value", [float("nan"), INF])
def test_what_is_never_a_number_fails_on_its_image_alone(
    tried: Any, value: float, conv: Any, pictures: Any, perturb: Any
) -> None:
    pixels = pictures(4)
    gold = conv.answers(pixels)
    sound = perturb(tried(), conv, pixels, gold)
    found = perturb(tried(), Spoiled(conv, value, 0), pixels, gold)
    assert "not finite" in found.note
    assert found.failed.tolist() == [False, True, False, False]
    assert not found.succeeded[1]
    assert torch.equal(found.pixels[1], pixels[1])
    assert int(found.queries[1]) <= tried().passes()
    others = torch.tensor([0, 2, 3])
    assert torch.equal(found.succeeded[others], sound.succeeded[others])
    last = perturb(tried(on_failure="last"), Spoiled(conv, value, 0), pixels, gold)
    assert bool(last.pixels.isfinite().all())


@pytest.mark.parametrize("value", [float("nan"), INF])
def test_what_had_fooled_before_the_numbers_ended_is_handed_back(
    tried: Any, value: float, conv: Any, pictures: Any, perturb: Any
) -> None:
    """Image 1 has a gold that is wrong, so its first iterates fool; then nothing is known of it."""
    pixels = pictures(4)
    gold = conv.answers(pixels)
    gold[1] = (gold[1] + 1) % 6
    found = perturb(tried(), Spoiled(conv, value, 3), pixels, gold)
    assert bool(found.pixels.isfinite().all())
    assert conv.answers(found.pixels)[1] != gold[1]
    assert bool(found.succeeded[1]) != bool(found.failed[1])  # not known after rounding, or known


class OutOfDomain:
    """Gold leads by as much as the pixels have not yet moved; beyond a small distance from the image nothing is a number."""

    def __init__(self, pixels: Tensor, needed: float, limit: float) -> None:
        self.pixels, self.needed, self.limit = pixels, needed, limit
        self.signs = torch.where(torch.arange(pixels[0].numel()) % 2 == 0, 1.0, -1.0).reshape(pixels[0].shape)

    def __call__(self, batch: Tensor, rows: Tensor | None = None) -> Tensor:
        own = self.pixels if rows is None else self.pixels[rows]
        moved = ((batch - own) * self.signs).mean((1, 2, 3))
        scores = torch.stack([torch.zeros_like(moved), (moved - self.needed) * 20], 1)
        beyond = (batch - own).detach().abs().amax((1, 2, 3)) > self.limit
        return torch.where(beyond[:, None], torch.nan, scores)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("pgd", {"eps": "16/255", "step_size": "1/255", "steps": 20, "random_start": False}),
        ("pgd", {"eps": "51/255", "step_size": "1/255", "steps": 20}),  # which starts where nothing is a number
        ("fab", {"eps": "16/255", "steps": 20}),
        ("fmn", {"steps": 40, "norm": "linf"}),
        ("cw", {"c": 20.0, "steps": 60}),
        ("autoattack", {"eps": "16/255", "steps": 10, "queries": 40}),
    ],
)
def test_a_success_short_of_the_failing_region_counts(name: str, given: dict[str, Any], pictures: Any, perturb: Any) -> None:
    pixels = pictures(6, low=100, high=155)
    victim, gold = OutOfDomain(pixels, needed=2.2 / 255, limit=6.5 / 255), torch.zeros(6, dtype=torch.long)
    found = perturb(ATTACKS.create(name, **given), victim, pixels, gold)
    assert found.succeeded.tolist() == [True] * 6
    assert not found.failed.any()
    assert torch.equal(victim((found.pixels * 255).round() / 255).argmax(1), gold + 1)


class Partly:
    """Numbers for images whose first pixel is as it was, or moved up: none for others, which half of all random points are."""

    def __init__(self, victim: Any, pixels: Tensor) -> None:
        self.victim, self.pixels = victim, pixels

    def __call__(self, batch: Tensor, rows: Tensor | None = None) -> Tensor:
        own = self.pixels if rows is None else self.pixels[rows]
        below = (batch - own).detach()[:, 0, 0, 0] < -1e-4
        scores: Tensor = torch.where(below[:, None], torch.nan, self.victim(batch))
        return scores


def test_autoattack_is_no_worse_than_its_members_where_numbers_end(conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(24, low=60, high=200)
    gold = conv.answers(pixels)
    victim = Partly(conv, pixels)
    whole = perturb(ATTACKS.create("autoattack", eps="8/255", steps=5, targets=2, queries=60), victim, pixels, gold)
    for name, given in {"square": {"queries": 60}, "apgd": {"steps": 5}, "fab": {"steps": 5, "targets": 2}}.items():
        alone = perturb(ATTACKS.create(name, eps="8/255", **given), victim, pixels, gold)
        assert int(whole.succeeded.sum()) >= int(alone.succeeded.sum()), name
    assert int(whole.succeeded.sum()) > 12
    assert not (whole.failed & whole.succeeded).any()


def test_a_restart_goes_on_from_finite_points(conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(16, low=60, high=200)
    gold = conv.answers(pixels)
    victim = Partly(conv, pixels)
    once, again = (
        perturb(ATTACKS.create("pgd", steps=6, restarts=restarts), victim, pixels, gold).succeeded for restarts in (1, 8)
    )
    assert int(again.sum()) > int(once.sum())


def test_square_gives_up_where_nothing_is_answered_and_not_before(pictures: Any, perturb: Any) -> None:
    pixels, gold = pictures(2), torch.zeros(2, dtype=torch.long)
    asked = {0: 0, 1: 0}

    def victim(batch: Tensor, rows: Tensor | None = None) -> Tensor:
        names = torch.arange(len(batch)) if rows is None else rows
        for name in names.tolist():
            asked[name] += 1
        broken = torch.tensor([name == 0 or asked[name] % 15 != 0 for name in names.tolist()])
        return torch.where(broken[:, None], torch.nan, torch.tensor([1.0, 0.0]))

    found = perturb(ATTACKS.create("square", queries=100), victim, pixels, gold)
    assert found.queries.tolist() == [21, 100]
    assert found.failed.tolist() == [True, True]


def test_a_target_is_chosen_from_numbers_alone(conv: Any, pictures: Any, perturb: Any) -> None:
    """At the clean image nothing is known, later all is: there is no target, so there is no success either."""
    pixels = pictures(4)
    gold = conv.answers(pixels)

    def victim(batch: Tensor, rows: Tensor | None = None) -> Tensor:
        names = torch.arange(len(batch)) if rows is None else rows
        clean = (batch.detach() == pixels[names]).flatten(1).all(1) & (names == 2)
        scores: Tensor = torch.where(clean[:, None], torch.nan, conv(batch))
        return scores

    found = perturb(ATTACKS.create("pgd", targeted="runner_up", eps="16/255"), victim, pixels, gold)
    assert bool(found.failed[2])
    assert not bool(found.succeeded[2])
    assert torch.equal(found.pixels[2], pixels[2])
