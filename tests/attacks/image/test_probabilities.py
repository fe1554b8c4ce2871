from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from robustmel.attacks import ATTACKS
from robustmel.attacks.image.attacked_batch import PROBABILITIES
from robustmel.attacks.image.watched_objective import look_like_probabilities

INF = float("inf")


def softmax(victim: Any) -> Any:
    return lambda batch, rows=None: victim(batch).softmax(1)


@pytest.mark.parametrize(
    ("scores", "suspect"),
    [
        ([0.2, 0.3, 0.5], True),
        ([1.0, 0.0, -INF], True),
        ([0.2, 0.3, 0.6], False),
        ([-0.1, 0.5, 0.6], False),
        ([1.5, -0.5, 0.0], False),
        ([1.0, -INF, -INF], False),  # one candidate
        ([float("nan"), 0.5, 0.5], False),
    ],
)
def test_probabilities_are_told_from_other_scores(scores: list[float], suspect: bool) -> None:
    assert look_like_probabilities(torch.tensor([scores])).tolist() == [suspect]


@pytest.mark.parametrize("classes", [2, 40, 3000])
def test_a_softmax_is_known_however_many_candidates(classes: int) -> None:
    draw = torch.Generator().manual_seed(0)
    assert look_like_probabilities((torch.randn(8, classes, generator=draw) * 5).softmax(1)).all()


def test_losses_made_for_logits_say_so(conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(4)
    gold = conv(pixels).argmax(1)
    for name, given in {"pgd": {}, "apgd": {"loss": "dlr"}, "apgd-t": {"targets": 1}}.items():
        attack = ATTACKS.create(name, steps=3, **given)
        told, silent = (perturb(attack, victim, pixels, gold) for victim in (softmax(conv), conv))
        assert told.probabilities.tolist() == [True] * 4
        assert silent.probabilities.tolist() == [False] * 4
        assert PROBABILITIES in told.note
        assert PROBABILITIES not in silent.note


def test_attacks_on_the_margin_take_any_scores(conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(4)
    gold = conv(pixels).argmax(1)
    for name, given in {"cw": {"steps": 3}, "fab": {"steps": 3}, "square": {"queries": 3}}.items():
        told = perturb(ATTACKS.create(name, **given), softmax(conv), pixels, gold)
        assert told.note == ""
        assert (
            told.probabilities.tolist() == [name != "square"] * 4
        )  # which follows no gradient, but a softmax flattens margins too


def test_a_sum_that_happens_to_be_one_is_no_sign(conv: Any, pictures: Any, perturb: Any) -> None:
    """Scores that sum to 1 at the first question alone."""
    asked = 0

    def once(batch: Tensor, rows: Tensor | None = None) -> Tensor:
        nonlocal asked
        asked += 1
        scores: Tensor = conv(batch)
        return scores.softmax(1) if asked == 1 else scores

    pixels = pictures(3)
    assert perturb(ATTACKS.create("pgd", steps=4), once, pixels, conv(pixels).argmax(1)).note == ""
