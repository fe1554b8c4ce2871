"""The source of a set is told where the truth is known: linear linkers, whose gradients are their weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from robustmel.audit.audited_image import AuditedImage
from robustmel.audit.likely_source import Asked, ask, likeliest
from robustmel.types import Query

SHAPE = (6, 6, 3)


class Linear:
    """Two candidates; the first scores by a weight a value, the second nothing."""

    def __init__(self, seed: int) -> None:
        self.weights = np.random.default_rng(seed).normal(size=SHAPE)

    def logits(self, pixels: Tensor, queries: list[Query], task: str) -> Tensor:
        weights = torch.from_numpy(self.weights.transpose(2, 0, 1).copy()).float()
        scores = ((pixels - 0.5) * weights).sum((1, 2, 3)) + 0.05
        return torch.stack([scores, torch.zeros_like(scores)], dim=1)

    def attacked(self, clean: np.ndarray) -> np.ndarray:
        return clean - 8 * np.sign(self.weights)


def mentions(made_on: list[Linear], n: int) -> list[Asked]:
    """Attacked on each of the linkers in turn."""
    asked = []
    for place in range(n):
        clean = np.random.default_rng(50 + place).integers(120, 136, SHAPE).astype(np.float64)
        query = Query(str(place), "", "", None, None, ("right", "wrong"))
        pair = [AuditedImage(Path("x"), levels, "image") for levels in (clean, made_on[place % len(made_on)].attacked(clean))]
        asked.append(Asked(query, 0, "right", *pair))
    return asked


def test_the_source_is_named_among_others() -> None:
    linkers = {name: Linear(seed) for seed, name in enumerate("abc")}
    asked = mentions([linkers["b"]], 10)
    fooled = {name: ask(name, linker, asked) for name, linker in linkers.items()}  # type: ignore[arg-type]
    assert likeliest(fooled)[0] == "b"
    assert sum(fooled["b"].broken) == sum(fooled["b"].right_clean) > 0
    weights = linkers["b"].weights
    along = np.abs(weights).sum() / np.linalg.norm(weights) / np.sqrt(weights.size)  # of a vector with its own signs
    assert fooled["b"].cosine == pytest.approx(along, abs=1e-5)


def test_nobody_is_named_where_the_source_is_absent_or_mixed_or_images_are_few() -> None:
    absent, first, second = (Linear(seed) for seed in range(3))
    for made_on, n in (([first, second], 10), ([first], 5)):
        fooled = {name: ask(name, linker, mentions(made_on, n)) for name, linker in (("a", first), ("b", second))}  # type: ignore[arg-type]
        assert likeliest(fooled)[0] is None
    unrelated = {"far": ask("far", _orthogonal(absent, first), mentions([absent], 10))}  # type: ignore[arg-type]
    assert "none of these linkers" in likeliest(unrelated)[1]


def _orthogonal(to: Linear, linker: Linear) -> Linear:
    """The linker without its part along the changes that the other's attack makes."""
    direction = np.sign(to.weights)
    linker.weights = linker.weights - direction * (linker.weights * direction).mean()
    return linker
