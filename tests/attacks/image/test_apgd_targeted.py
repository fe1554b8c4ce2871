from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from robustmel.attacks.image.apgd import APGD
from robustmel.attacks.image.apgd_targeted import TargetedAPGD
from robustmel.attacks.image.goal import Goal, ranked_wrong
from robustmel.attacks.image.losses import LOSSES
from robustmel.errors import UsageError

INF = float("inf")


def test_wrong_candidates_are_ranked_by_score_and_run_out() -> None:
    scores = torch.tensor([[1.0, 3.0, 2.0, -INF], [5.0, 0.0, 5.0, 7.0]])
    assert ranked_wrong(scores, torch.tensor([1, 0])).tolist() == [[2, 0, -1, -1], [3, 2, 1, -1]]


def test_a_loss_toward_a_candidate_is_about_that_one_while_any_wrong_one_fools() -> None:
    scores = torch.tensor([[2.0, 3.0, 1.0, 0.5, -1.0]])
    goal = Goal(torch.tensor([0]), toward=torch.tensor([2]))
    assert goal.margin(scores).tolist() == [1.0]
    assert LOSSES["margin"](scores, goal).tolist() == [-1.0]
    assert LOSSES["dlr"](scores, goal).tolist() == pytest.approx([-1 / (3 - (1 + 0.5) / 2)])
    assert LOSSES["dlr"](scores[:, :3], goal).tolist() == [-1.0]
    assert LOSSES["ce"](scores, goal).tolist() == pytest.approx([float(scores.log_softmax(1)[0, 2])])
    assert goal.at(torch.tensor([0])).toward.tolist() == [2]  # type: ignore[union-attr]


class Corners:
    """Four candidates; gold scores 0, each other one channel's mean less its own threshold."""

    def __init__(self, thresholds: list[float]) -> None:
        self.thresholds = torch.tensor(thresholds)

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        others = pixels.mean((2, 3)) - self.thresholds
        return torch.cat([torch.zeros(len(pixels), 1), others], 1)


def test_the_targets_are_tried_in_turn_until_one_is_within_reach() -> None:
    """The two candidates that score higher stand on saturated channels: only the third can be reached."""
    from robustmel.attacks.image.item_noise import ItemNoise

    pixels = torch.full((1, 3, 8, 8), 1.0)
    pixels[:, 2] = 0.5
    victim = Corners([1.001, 1.002, 0.51])
    noise = lambda: ItemNoise([0], (3, 8, 8))  # noqa: E731
    gold = torch.tensor([0])
    assert TargetedAPGD(eps="4/255", steps=10, targets=3).perturb(pixels, victim, gold, noise()).succeeded.all()
    assert not TargetedAPGD(eps="4/255", steps=10, targets=2).perturb(pixels, victim, gold, noise()).succeeded.any()
    assert not TargetedAPGD(eps="2/255", steps=10, targets=3).perturb(pixels, victim, gold, noise()).succeeded.any()


def test_every_target_costs_its_steps_and_the_order_one_query(conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(8)
    gold = conv(pixels).argmax(1)
    found = perturb(TargetedAPGD(eps="1/1000", steps=5, targets=9), conv, pixels, gold)
    assert not found.succeeded.any()
    assert found.iterations.tolist() == [5 * 6] * 8  # six candidates, five targets, one more gradient at each start
    assert found.queries.tolist() == [1 + 5 * 6] * 8
    assert TargetedAPGD(steps=5, targets=9).passes() == 1 + 9 * 7


@pytest.mark.parametrize("candidates", [2, 3])
def test_short_lists_are_attacked_all_the_same_with_a_note(candidates: int, conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(12)

    def few(batch: Tensor, rows: Tensor | None = None) -> Tensor:
        scores: Tensor = conv(batch)[:, :candidates]
        return scores

    gold = few(pixels).argmax(1)
    found = perturb(TargetedAPGD(eps="24/255", steps=8), few, pixels, gold)
    assert "dlr needs 4 candidates" in found.note
    assert torch.equal(found.succeeded, perturb(APGD(eps="24/255", steps=8), few, pixels, gold).succeeded)
    assert int(found.succeeded.sum()) > 0
    assert perturb(TargetedAPGD(eps="24/255", steps=8, loss="ce"), few, pixels, gold).note == ""


@pytest.mark.parametrize("given_", [{"targets": 0}, {"loss": "margin"}, {"steps": -1}, {"eps": 8}])
def test_values_out_of_range_are_refused(given_: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        TargetedAPGD(**given_)
