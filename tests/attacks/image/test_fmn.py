from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from robustmel.attacks.image.fmn import FMN
from robustmel.errors import UsageError

INF = float("inf")
NORMS = pytest.mark.parametrize("norm", ["l2", "linf"])


def gold(count: int) -> Tensor:
    return torch.zeros(count, dtype=torch.long)


def answers(victim: Any, pixels: Tensor) -> Tensor:
    with torch.no_grad():
        found: Tensor = victim(pixels).argmax(1)
    return found


@NORMS
def test_the_change_is_the_shortest_there_is(norm: Any, linear: Any, pictures: Any, perturb: Any) -> None:
    """A linear victim's distances are known in closed form as long as no pixel meets its border."""
    pixels = pictures(4, low=100, high=155)
    victim = linear(pixels, [5.0, 10.0, 20.0, 40.0])
    found = perturb(FMN(norm=norm, steps=200, stretch=False), victim, pixels, gold(4))
    shares = (found.l2 / victim.l2) if norm == "l2" else (found.linf / victim.linf)
    assert bool((victim(found.pixels)[:, 1] > 0).all())
    assert bool((shares >= 1 - 1e-4).all())
    assert bool((shares < 1.02).all())


@NORMS
def test_pixels_at_their_border_make_the_way_longer_and_no_longer_than_needed(
    norm: Any, linear: Any, pictures: Any, perturb: Any
) -> None:
    """Black and white images: half of the entries cannot go where the gradient points. What is left over is again closed form."""
    pixels = (pictures(3) > 0.5).float()
    victim = linear(pixels, [5.0, 10.0, 20.0])
    free = torch.where(victim.weights > 0, pixels.flatten(1) == 0, pixels.flatten(1) == 1) * victim.weights
    shortest = victim.distances / (free.norm(dim=1) if norm == "l2" else free.abs().sum(1))
    found = perturb(FMN(norm=norm, steps=300, stretch=False), victim, pixels, gold(3))
    shares = (found.l2 if norm == "l2" else found.linf) / shortest
    assert bool((shares >= 1 - 1e-4).all())
    assert bool((shares < 1.05).all())


@NORMS
def test_what_rounding_undoes_is_made_longer_until_it_survives(norm: Any, linear: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(16, low=100, high=155)
    victim = linear(pixels, [0.2 + 0.1 * number for number in range(16)])  # well below half a step of 8 bits
    short = perturb(FMN(norm=norm, stretch=False), victim, pixels, gold(16))
    found = perturb(FMN(norm=norm), victim, pixels, gold(16))
    assert int(short.succeeded.sum()) < 16
    assert bool((victim(short.pixels)[:, 1] > 0).all())
    assert bool(found.succeeded.all())
    assert bool((victim((found.pixels * 255).round() / 255)[:, 1] > 0).all())
    assert torch.equal(found.pixels[short.succeeded], short.pixels[short.succeeded])
    assert bool((found.l2 >= short.l2 - 1e-6).all())


@NORMS
def test_a_longer_change_is_one_that_was_needed(norm: Any, linear: Any, pictures: Any, perturb: Any) -> None:
    """A quarter less than the multiple found is too little, or was enough before rounding."""
    pixels = pictures(16, low=100, high=155)
    victim = linear(pixels, [1.0 + 0.2 * number for number in range(16)])
    found = perturb(FMN(norm=norm), victim, pixels, gold(16))
    short = perturb(FMN(norm=norm, stretch=False), victim, pixels, gold(16))
    factor = found.l2 / short.l2
    stretched = factor > 1 + 1e-4
    assert int(stretched.sum()) >= 3
    less = pixels + torch.maximum(factor * 0.75, torch.ones(16))[:, None, None, None] * (short.pixels - pixels)
    assert not bool((victim((less * 255).round() / 255)[:, 1] > 0)[stretched].all())


@NORMS
def test_more_steps_never_make_it_longer(norm: Any, conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(8)
    right = answers(conv, pixels)
    lengths = []
    for steps in (12, 36, 108):
        found = perturb(FMN(norm=norm, steps=steps, stretch=False), conv, pixels, right)
        assert int((found.linf > 0).sum()) == 8
        lengths.append(float((found.l2 if norm == "l2" else found.linf).median()))
    assert lengths[2] <= lengths[1] * 1.01 <= lengths[0] * 1.05


@NORMS
def test_its_norm_is_shorter_in_its_own_norm(norm: Any, conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(8)
    right = answers(conv, pixels)
    mine = perturb(FMN(norm=norm, steps=40, stretch=False), conv, pixels, right)
    other = perturb(FMN(norm="linf" if norm == "l2" else "l2", steps=40, stretch=False), conv, pixels, right)
    one, two = (mine.l2, other.l2) if norm == "l2" else (mine.linf, other.linf)
    assert float((one < two).float().mean()) > 0.8


@NORMS
def test_an_image_already_wrong_costs_one_step_and_no_change(norm: Any, conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(4)
    wrong = (answers(conv, pixels) + 1) % 6
    found = perturb(FMN(norm=norm, steps=20), conv, pixels, wrong)
    assert torch.equal(found.pixels, pixels)
    assert found.iterations.tolist() == [1] * 4
    assert bool(found.succeeded.all())


@NORMS
def test_what_cannot_be_fooled_stays_as_it_is(norm: Any, linear: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(3, low=100, high=155)
    victim = linear(pixels, [1e3, 1.0, 1e3])
    found = perturb(FMN(norm=norm, steps=20), victim, pixels, gold(3))
    assert found.succeeded.tolist() == [False, True, False]
    assert torch.equal(found.pixels[[0, 2]], pixels[[0, 2]])
    kept = perturb(FMN(norm=norm, steps=20, on_failure="last"), victim, pixels, gold(3))
    assert bool((kept.linf[[0, 2]] > 0.1).all())


@NORMS
def test_a_gradient_of_zero_is_no_number_to_divide_by(norm: Any, conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(3)
    found = perturb(FMN(norm=norm, steps=5), lambda batch, rows=None: conv(batch).detach(), pixels, answers(conv, pixels))
    assert torch.equal(found.zero_gradients, found.iterations)
    assert torch.equal(found.pixels, pixels)
    assert found.note == ""


@NORMS
def test_lengths_do_not_depend_on_where_the_scores_lie_or_how_large_they_are(
    norm: Any, conv: Any, pictures: Any, perturb: Any
) -> None:
    """Shifts and positive factors leave the boundary, and the way to it, where they are."""
    pixels = pictures(4)
    right = answers(conv, pixels)
    plain = perturb(FMN(norm=norm, steps=30, stretch=False), conv, pixels, right)
    for change in (lambda scores: scores - 200, lambda scores: scores / 500):
        moved = perturb(FMN(norm=norm, steps=30, stretch=False), lambda b, rows=None, f=change: f(conv(b)), pixels, right)
        assert torch.allclose(moved.l2, plain.l2, rtol=0.02)


@pytest.mark.parametrize(
    "given", [{"norm": "l1"}, {"gamma": 1.0}, {"gamma": 0}, {"step_size": 0}, {"steps": -1}, {"stretch": 1}]
)
def test_values_out_of_range_are_told(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        FMN(**given)


def test_it_says_which_norm_is_short() -> None:
    assert FMN(norm="linf").threat_model == "linf-minimal"
    assert FMN().threat_model == "l2-minimal"
