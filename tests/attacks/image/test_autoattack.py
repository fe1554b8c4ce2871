from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from robustmel.attacks.image.apgd import APGD
from robustmel.attacks.image.autoattack import AutoAttack
from robustmel.attacks.image.pgd import PGD
from robustmel.errors import UsageError

SMALL = {"steps": 8, "targets": 3, "queries": 40}


def test_the_defaults_are_the_authors_standard_budget() -> None:
    members = AutoAttack(eps="8/255").members
    assert list(members) == ["apgd", "apgd-t", "fab", "square"]
    assert all(member.eps == 8 / 255 for member in members.values())
    assert [getattr(member, "steps", None) for member in members.values()] == [100, 100, 100, None]
    assert [getattr(member, "targets", None) for member in members.values()] == [None, 9, 9, None]
    assert (members["square"].queries, members["square"].p) == (5000, 0.8)  # type: ignore[attr-defined]
    assert AutoAttack().passes() == 102 + (1 + 9 * 102) + (1 + 9 * 206) + 5000


def test_a_member_without_a_budget_stays_out() -> None:
    assert list(AutoAttack(steps=0).members) == ["square"]
    assert list(AutoAttack(queries=0).members) == ["apgd", "apgd-t", "fab"]
    assert AutoAttack(steps=0, queries=0).idle


def test_it_finds_whatever_one_of_its_members_finds_and_says_which(conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(24)
    gold = conv(pixels).argmax(1)
    found = perturb(AutoAttack(eps="4/255", **SMALL), conv, pixels, gold)
    alone = perturb(APGD(eps="4/255", steps=8), conv, pixels, gold)
    assert 0 < int(alone.succeeded.sum()) <= int(found.succeeded.sum()) < 24
    assert torch.equal(found.pixels[alone.succeeded], alone.pixels[alone.succeeded])
    assert [bool(member) for member in found.fooled_by] == found.succeeded.tolist()
    assert [member == "apgd" for member in found.fooled_by] == alone.succeeded.tolist()


def masked(victim: Any) -> Any:
    """A victim whose gradients say nothing."""
    return lambda batch, rows=None: victim((batch * 255).round() / 255)


def test_where_gradients_are_masked_square_is_left(conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(16)
    gold = conv(pixels).argmax(1)
    found = perturb(AutoAttack(eps="8/255", steps=3, targets=1, queries=150), masked(conv), pixels, gold)
    assert "square" in found.fooled_by
    by_square = torch.tensor([member == "square" for member in found.fooled_by])
    assert int(found.queries[by_square].min()) > 3 + 2
    assert not perturb(PGD(eps="8/255", steps=5, random_start=False), masked(conv), pixels, gold).succeeded.any()


class CrossEntropyBlind:
    """Gold leads by so much that the cross-entropy has no gradient left; a change of scale takes that away."""

    def __init__(self, victim: Any) -> None:
        self.victim = victim

    def __call__(self, batch: Tensor, rows: Tensor | None = None) -> Tensor:
        scores: Tensor = self.victim(batch) * 1000
        return scores


def test_what_the_cross_entropy_cannot_see_the_ratio_loss_does(conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(16)
    gold = conv(pixels).argmax(1)
    blind = CrossEntropyBlind(conv)
    assert int(perturb(PGD(eps="6/255", steps=8, random_start=False), blind, pixels, gold).succeeded.sum()) == 0
    found = perturb(AutoAttack(eps="6/255", **SMALL), blind, pixels, gold)
    assert "apgd-t" in found.fooled_by


def test_the_course_of_the_loss_is_that_of_one_loss(conv: Any, pictures: Any, perturb: Any) -> None:
    """Losses of different members are of different sizes: the best of one is no progress of another."""
    pixels = pictures(6)
    gold = conv(pixels).argmax(1)
    whole = perturb(AutoAttack(eps="1/1000", **SMALL), conv, pixels, gold)
    first = perturb(APGD(eps="1/1000", steps=8), conv, pixels, gold)
    assert torch.equal(whole.loss_best, first.loss_best)
    assert bool((whole.margin_best >= first.margin_best).all())


@pytest.mark.parametrize("given_", [{"targets": 0}, {"queries": -1}, {"steps": 1.5}, {"eps": "8"}])
def test_values_out_of_range_are_refused(given_: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        AutoAttack(**given_)
