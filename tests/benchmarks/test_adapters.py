from __future__ import annotations

from typing import Any

import pytest
import torch
from benchmarks.adapters import visual
from torch import Tensor


def classifier(pixels: Tensor) -> Tensor:
    """Two classes by the mean brightness."""
    mean = pixels.mean((1, 2, 3)) - 0.5
    return 50 * torch.stack([mean, -mean], 1)


@pytest.mark.parametrize(
    "params",
    [
        {"attack": "pgd", "eps": 0.1, "step_size": 0.02, "random_start": True},
        {"attack": "apgd", "eps": 0.1, "loss": "ce"},
        {"attack": "cw", "c": 20, "kappa": 0, "lr": 0.05},
    ],
)
def test_a_measuring_stick_gets_adversarial_images_in_order(params: dict[str, Any]) -> None:
    pixels = torch.full((5, 3, 8, 8), 0.55)
    pixels[1::2] = 0.45
    gold = classifier(pixels).argmax(1)
    found = visual(classifier, pixels, gold, steps=10, seed=3, batch_size=2, **params)
    assert found.shape == pixels.shape
    assert (classifier(found).argmax(1) != gold).all()
    assert torch.equal(found, visual(classifier, pixels, gold, steps=10, seed=3, batch_size=2, **params))


def test_an_attack_that_is_not_there_is_said_so() -> None:
    with pytest.raises(NotImplementedError, match="deepfool"):
        visual(classifier, torch.zeros(1, 3, 8, 8), torch.zeros(1, dtype=torch.long), attack="deepfool", steps=1)
