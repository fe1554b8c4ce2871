"""A gradient that is not that of the scores is told, whatever it is the gradient of; the embedded linkers' are right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from robustmel.images import decode
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.conformance import conformance
from robustmel.linkers.gradient_check import gradient_problems
from robustmel.linkers.trial import trial_set
from robustmel.types import Query, Task

CLIP = LINKERS.load("clip-world")
WRONG: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "mirrored": (lambda gradient: gradient.flip(3), "does not point where they rise"),
    "upside down": (lambda gradient: gradient.flip(2), "does not point where they rise"),
    "backwards": (lambda gradient: -gradient, "does not point where they rise"),
    "channels swapped": (lambda gradient: gradient.flip(1), "does not point where they rise"),
    "shifted": (lambda gradient: gradient.roll(5, 3), "does not point where they rise"),
    "of another picture": (lambda gradient: gradient.roll(1, 0), "does not point where they rise"),
    "shrunk": (lambda gradient: gradient / 3, "is too small"),
}


def with_gradient(change: Callable[[Tensor], Tensor], base: Any = CLIP) -> type[Any]:
    class Wrong(base):  # type: ignore[misc]
        def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "I2T") -> Tensor:
            if pixels.requires_grad:
                pixels = pixels.view_as(pixels)
                pixels.register_hook(change)
            scores: Tensor = super().logits(pixels, queries, task)
            return scores

    return Wrong


@pytest.mark.parametrize("weights", ["clip-world", "clip-robust-world"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_gradient_fails_for_both_tasks(wrong: str, weights: str) -> None:
    change, sentence = WRONG[wrong]
    if weights == "clip-robust-world" and wrong == "of another picture":
        pytest.skip("its gradients hardly depend on the picture")
    problems = conformance(with_gradient(change), model=f"world:{weights}", device="cpu")
    assert {problem.partition(":")[0] for problem in problems} == {"I2T", "IT2T"}
    assert all(sentence in problem for problem in problems)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_scores_of_half_precision_are_no_wrong_gradient(dtype: torch.dtype, tmp_path: Path) -> None:
    class Half(CLIP):  # type: ignore[misc, valid-type]
        def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "I2T") -> Tensor:
            scores: Tensor = super().logits(pixels, queries, task)
            return scores.to(dtype).float()

    kb, queries = trial_set(tmp_path)
    linker = Half(kb, model="world:clip-world", device="cpu")
    pictures = [decode(query.image) for query in queries[:4] if query.image]
    pixels = torch.stack([torch.from_numpy(picture) for picture in pictures]).permute(0, 3, 1, 2) / 255
    assert list(gradient_problems(linker.logits, pixels, queries[:4], "I2T")) == []


class Means:
    """Scores by mean colours of the left third, through a kink: differentiable by hand, and exactly so."""

    tasks: ClassVar = ("I2T", "IT2T")

    def __init__(self, kb: KnowledgeBase) -> None:
        self.weights = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "I2T") -> Tensor:
        return (pixels[..., : pixels.shape[3] // 3].mean((2, 3)) @ self.weights.T).relu() + 0.1 * len(task)


def test_what_is_straight_rises_exactly_as_promised(tmp_path: Path) -> None:
    kb, queries = trial_set(tmp_path)
    pixels = torch.rand(4, 3, 32, 40, generator=torch.Generator().manual_seed(0)).mul(255).round() / 255
    assert list(gradient_problems(Means(kb).logits, pixels, queries[:4], "I2T")) == []
    mirrored = with_gradient(lambda gradient: gradient.flip(3), Means)(kb)
    assert "does not point" in next(gradient_problems(mirrored.logits, pixels, queries[:4], "I2T"))
