"""Candidates that read like the right one are no rivals: an attack comes as far as if they were not there."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from robustmel.attacks.image.goal import Goal
from robustmel.attacks.image.losses import LOSSES
from robustmel.attacks.image.watched_objective import WatchedObjective

INF = float("inf")


class Doubled:
    """A victim that lists a second candidate with the right one's text for each image, at the end."""

    def __init__(self, victim: Any, gold: Tensor) -> None:
        self.victim, self.gold = victim, gold

    def __call__(self, batch: Tensor, rows: Tensor | None = None) -> Tensor:
        scores = self.victim(batch)
        column = self.gold if rows is None else self.gold[rows]
        return torch.cat([scores, scores.gather(1, column[:, None])], 1)


def test_an_attack_comes_as_far_as_without_the_homonym(tried: Any, conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(16)
    gold = conv.answers(pixels)
    plain, doubled = (perturb(tried(), victim, pixels, gold) for victim in (conv, Doubled(conv, gold)))
    assert int(plain.succeeded.sum()) > 0
    assert torch.equal(doubled.succeeded, plain.succeeded)
    assert torch.equal(doubled.pixels, plain.pixels)
    assert not doubled.zero_gradients.any()
    assert doubled.note == plain.note


@pytest.mark.parametrize("how", ["runner_up", "least_likely", "random"])
def test_a_homonym_of_the_right_one_is_no_target(how: str, conv: Any, pictures: Any, perturb: Any) -> None:
    from robustmel.attacks import ATTACKS

    pixels = pictures(16)
    gold = conv.answers(pixels)
    attack = ATTACKS.create("pgd", eps="64/255", step_size="8/255", targeted=how)
    plain, doubled = (perturb(attack, victim, pixels, gold) for victim in (conv, Doubled(conv, gold)))
    assert int(plain.succeeded.sum()) > 0
    assert torch.equal(doubled.succeeded, plain.succeeded)


def test_a_homonym_of_the_target_does_not_stand_in_its_way(conv: Any, pictures: Any, perturb: Any) -> None:
    from robustmel.attacks import ATTACKS

    pixels = pictures(16)
    scores = conv(pixels).detach()
    gold, target = scores.argmax(1), scores.topk(2).indices[:, 1]
    attack = ATTACKS.create("cw", c=2.0, steps=40, lr=0.05, targeted="runner_up")
    plain, doubled = (perturb(attack, victim, pixels, gold) for victim in (conv, Doubled(conv, target)))
    assert int(plain.succeeded.sum()) > 8
    assert torch.equal(doubled.succeeded, plain.succeeded)


def test_doubled_rivals_do_not_make_the_ratio_loss_constant() -> None:
    scores = torch.tensor([[2.0, 1.0, 1.0, 0.5, -INF]], requires_grad=True)
    value = LOSSES["dlr"](scores, Goal(torch.tensor([0])))
    assert value.tolist() == pytest.approx([-1 / 1.5])
    value.sum().backward()
    assert scores.grad is not None
    assert float(scores.grad.abs().sum()) > 0.1


@pytest.mark.parametrize(
    ("rival", "margins"),
    [
        ([0.4, 0.5, 0.6], [-0.1, 0.0, 0.1]),  # a tie that was none at first is progress
        ([0.5, 0.6, 0.5], [-0.4, 0.1, 0.0]),  # a tie that broke was no homonym
        ([0.5, 0.5, 0.5], [-0.4, -0.4, -0.4]),
    ],
)
@pytest.mark.parametrize("beside", [True, False])
def test_only_what_has_never_scored_otherwise_reads_alike(rival: list[float], margins: list[float], beside: bool) -> None:
    """Scores of few digits tie by chance. Beside such an image there may be one with a true homonym."""
    twins = [[0.5, 0.5, 0.1]] * beside
    answers = iter([torch.tensor([[0.5, score, 0.1], *twins]) for score in rival])
    gold = torch.zeros(1 + beside, dtype=torch.long)
    watched = WatchedObjective(lambda pixels, rows=None: next(answers), gold)
    pixels = torch.zeros(1 + beside, 3, 2, 2)
    assert [float(Goal(gold).margin(watched(pixels))[0]) for _ in rival] == pytest.approx(margins)


def test_what_is_known_of_an_image_does_not_depend_on_its_neighbours(conv: Any, pictures: Any) -> None:
    """Images leave the batch, and lists that are shorter than others lose columns with them."""
    pixels = pictures(4)
    gold = conv.answers(pixels)
    victim, absent = Doubled(conv, gold), torch.tensor([True, False, True, False])

    def ragged(batch: Tensor, rows: Tensor | None = None) -> Tensor:
        names = torch.arange(len(batch)) if rows is None else rows
        scores = victim(batch, names)
        scores[absent[names], -1] = -INF
        return scores if not absent[names].all() else scores[:, :-1]

    watched = WatchedObjective(ragged, gold)
    for rows in ([0, 1, 2, 3], [0, 2], [1, 3], [0, 3], [3], [2]):
        names = torch.tensor(rows)
        scores = watched(pixels[names], names)
        assert torch.equal(scores.isfinite().sum(1), torch.full((len(rows),), 6))
        assert torch.equal(scores[:, :6], conv(pixels[names]))
