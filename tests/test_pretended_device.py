"""The pretended device refuses what a GPU refuses, so that passing on it says something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from .pretended_device import pretended_device


@pytest.fixture
def device() -> Iterator[str]:
    with pretended_device() as name:
        yield name


REFUSED: dict[str, Callable[[Any, Any], Any]] = {
    "a sum over two devices": lambda there, here: there + here,
    "a column index on the processor": lambda there, here: there.gather(0, torch.tensor([0, 1])),
    "a mask on the processor": lambda there, here: there.masked_fill(here > 0, 0.0),
    "an index on the device into the processor's": lambda there, here: here[there.long()],
    "parts of two devices": lambda there, here: torch.cat([there, here]),
    "numpy": lambda there, here: there.numpy(),
    "random numbers": lambda there, here: torch.rand(3, device=there.device),
    "random numbers in place": lambda there, here: there.normal_(),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_gpu_refuses_is_refused(what: str, device: str) -> None:
    here = torch.tensor([1.0, 0.0])
    with pytest.raises((RuntimeError, TypeError)):
        REFUSED[what](here.to(device), here)


def test_what_a_gpu_allows_gives_the_numbers_of_the_processor(device: str) -> None:
    def work(place: str) -> torch.Tensor:
        torch.manual_seed(0)
        layer, pixels = torch.nn.Linear(3, 2).to(place), torch.arange(6.0).reshape(2, 3).to(place).requires_grad_()
        values = layer(pixels)[torch.tensor([1, 0])] * torch.tensor(2.0)
        values = values.index_put((torch.tensor([0]), torch.tensor([1])), torch.zeros(1, device=place))
        (gradient,) = torch.autograd.grad(values.exp().sum(), pixels)
        gradient[0] = 0
        assert str(gradient.device) == place
        return gradient.cpu()

    assert torch.equal(work(device), work("cpu"))
