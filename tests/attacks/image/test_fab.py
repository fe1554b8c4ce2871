from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from robustmel.attacks.image.fab import FAB
from robustmel.errors import UsageError


def gold(count: int) -> Tensor:
    return torch.zeros(count, dtype=torch.long)


def test_it_fools_exactly_where_the_budget_reaches_the_boundary(linear: Any, pictures: Any, perturb: Any) -> None:
    pixels, eps, shares = pictures(6, low=100, high=155), 4 / 255, [0.3, 0.9, 0.97, 1.03, 1.1, 3.0]
    reach = eps * float(linear(pixels, [1.0] * 6).weights.abs().sum())
    victim = linear(pixels, [share * reach for share in shares])
    found = perturb(FAB(eps=eps, steps=10), victim, pixels, gold(6))
    assert found.succeeded.tolist() == [share < 1 for share in shares]
    assert float(found.linf.max()) <= eps


def test_its_change_is_the_shortest_there_is(linear: Any, pictures: Any, perturb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "robustmel.attacks.image.attacked_batch.eight_bit", lambda pixels: pixels
    )  # which may call for a longer one
    pixels = pictures(4, low=100, high=155)
    victim = linear(pixels, [1.0, 2.0, 4.0, 6.0])
    found = perturb(FAB(eps=1.0, steps=20), victim, pixels, gold(4))
    assert found.succeeded.all()
    assert (found.linf / victim.linf).tolist() == pytest.approx([1.0] * 4, abs=0.006)


def test_the_shortest_change_is_stretched_where_rounding_undoes_it(linear: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(3, low=100, high=155)
    victim = linear(
        pixels, [0.4 / 255 * float(linear(pixels, [1.0] * 3).weights.abs().sum())] * 3
    )  # rounds to the image itself
    found = perturb(FAB(eps="2/255", steps=5), victim, pixels, gold(3))
    assert found.succeeded.all()
    assert all(0.5 < length < 1 for length in (found.linf * 255).tolist())


def test_more_targets_and_more_steps_find_no_longer_change(
    conv: Any, pictures: Any, perturb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("robustmel.attacks.image.attacked_batch.eight_bit", lambda pixels: pixels)
    pixels = pictures(12)
    answers = conv(pixels).argmax(1)
    lengths = [perturb(FAB(eps=1.0, targets=1, steps=steps), conv, pixels, answers).linf for steps in (2, 8, 24)]
    assert bool((lengths[1] <= lengths[0] + 1e-6).all())
    assert bool((lengths[2] <= lengths[1] + 1e-6).all())
    wrong = perturb(FAB(eps="4/255", targets=1, steps=8), conv, pixels, answers).succeeded
    assert bool((perturb(FAB(eps="4/255", targets=5, steps=8), conv, pixels, answers).succeeded | ~wrong).all())


def test_an_image_that_fools_as_it_is_costs_one_step(conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(4)
    answers = (conv(pixels).argmax(1) + 1) % 6
    found = perturb(FAB(steps=20), conv, pixels, answers)
    assert torch.equal(found.pixels, pixels)
    assert found.succeeded.all()
    assert found.iterations.tolist() == [1] * 4


def test_only_starts_after_the_first_are_drawn(conv: Any, pictures: Any, perturb: Any) -> None:
    assert not FAB().random
    assert FAB(restarts=2).random
    pixels = pictures(6)
    answers = conv(pixels).argmax(1)
    once, twice = (perturb(FAB(eps="4/255", steps=6, restarts=count), conv, pixels, answers) for count in (1, 2))
    again = perturb(FAB(eps="4/255", steps=6), conv, pixels, answers, first=50)
    assert torch.equal(once.pixels, again.pixels)
    assert bool((twice.succeeded | ~once.succeeded).all())
    assert int(twice.queries.max()) > int(once.queries.max())


@pytest.mark.parametrize(
    "given_",
    [{"alpha_max": 1}, {"beta": 1}, {"beta": 0}, {"eta": 0.9}, {"targets": 0}, {"steps": -1}, {"restarts": 0}, {"eps": 8}],
)
def test_values_out_of_range_are_refused(given_: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        FAB(**given_)
