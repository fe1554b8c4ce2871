from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from robustmel.run.stages.probes import first_step


def pictures(count: int) -> Tensor:
    return torch.randint(20, 236, (count, 3, 12, 12), generator=torch.Generator().manual_seed(0)).float() / 255


def linear(pixels: Tensor, rows: Tensor | None = None) -> Tensor:
    weights = torch.randn(432, 4, generator=torch.Generator().manual_seed(1))
    return pixels.flatten(1) @ weights


def mirrored(pixels: Tensor, rows: Tensor | None = None) -> Tensor:
    """The right scores, with the gradient of the picture seen from behind."""
    flipped = pixels.flip(3)
    return linear(pixels.detach() + flipped - flipped.detach())


def test_of_a_linear_linker_the_rise_is_the_one_predicted() -> None:
    pixels = pictures(6)
    predicted, risen = first_step(linear, pixels, linear(pixels).argmax(1))
    assert bool((predicted > 0).all())
    assert risen.tolist() == pytest.approx(predicted.tolist(), rel=1e-2)


def test_of_a_mirrored_gradient_it_is_not() -> None:
    pixels = pictures(32)
    predicted, risen = first_step(mirrored, pixels, linear(pixels).argmax(1))
    assert bool((predicted > 0).all())
    assert float((risen / predicted).median()) < 0.3


def test_both_pictures_are_of_8_bits() -> None:
    asked: list[Tensor] = []

    def watched(pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        asked.append(pixels.detach())
        return linear(pixels)

    pixels = pictures(2)
    first_step(watched, pixels, torch.tensor([0, 1]))
    levels = torch.stack(asked) * 255
    assert levels.flatten().tolist() == pytest.approx(levels.round().flatten().tolist(), abs=1e-3)
    moved = (levels[1] - levels[0]).round().abs()
    assert float(moved.max()) == 1
    assert moved.flatten(1).mean(1).tolist() == pytest.approx([0.1, 0.1], abs=0.01)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_has_no_rise(value: float) -> None:
    def broken(pixels: Tensor, rows: Tensor | None = None) -> Any:
        scores = linear(pixels)
        return scores.masked_fill(torch.tensor([[False], [True]]), value)

    predicted, risen = first_step(broken, pictures(2), torch.tensor([0, 0]))
    assert predicted.isfinite().tolist() == risen.isfinite().tolist() == [True, False]


def test_random_numbers_of_other_devices_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    fork, forked = torch.random.fork_rng, []
    monkeypatch.setattr(torch.random, "fork_rng", lambda devices: forked.append(devices) or fork(devices))
    first_step(linear, pictures(2), torch.tensor([0, 1]))
    assert forked == [[]]
