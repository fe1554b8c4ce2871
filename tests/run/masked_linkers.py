"""Linkers that only look robust, or cannot be judged as they are; each is the colour linker but for one line."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import torch

from robustmel.kb import KnowledgeBase
from robustmel.types import Prediction, Query, Task


def _beside(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ColourLinker = _beside("colour_linker").ColourLinker


class Honest(ColourLinker):  # type: ignore[misc,valid-type]
    """The colour linker itself."""


class Detached(ColourLinker):  # type: ignore[misc,valid-type]
    """Hands out scores that no gradient goes through."""

    def logits(self, pixels: torch.Tensor, queries: Sequence[Query], task: Task = "I2T") -> torch.Tensor:
        return super().logits(pixels.detach(), queries, task)


class Numpy(ColourLinker):  # type: ignore[misc,valid-type]
    """Leaves torch on the way."""

    def logits(self, pixels: torch.Tensor, queries: Sequence[Query], task: Task = "I2T") -> torch.Tensor:
        return super().logits(torch.from_numpy(pixels.numpy()), queries, task)


class EightBit(ColourLinker):  # type: ignore[misc,valid-type]
    """Rounds its pixels, as an image file would."""

    def logits(self, pixels: torch.Tensor, queries: Sequence[Query], task: Task = "I2T") -> torch.Tensor:
        return super().logits((pixels * 255).round() / 255, queries, task)


class Saturated(ColourLinker):  # type: ignore[misc,valid-type]
    """Hands out the softmax of steep scores instead of the scores."""

    def logits(self, pixels: torch.Tensor, queries: Sequence[Query], task: Task = "I2T") -> torch.Tensor:
        return (1000 * super().logits(pixels, queries, task)).softmax(1)


class Steep(ColourLinker):  # type: ignore[misc,valid-type]
    """The same, not quite as steep: there is a gradient, and nothing that follows from it."""

    def logits(self, pixels: torch.Tensor, queries: Sequence[Query], task: Task = "I2T") -> torch.Tensor:
        return (40 * super().logits(pixels, queries, task)).softmax(1)


class Mirrored(ColourLinker):  # type: ignore[misc,valid-type]
    """Gives the right scores, and the gradient of the colours the other way round."""

    def logits(self, pixels: torch.Tensor, queries: Sequence[Query], task: Task = "I2T") -> torch.Tensor:
        turned = pixels.flip(1)
        return super().logits(pixels.detach() + turned - turned.detach(), queries, task)


class Failing(ColourLinker):  # type: ignore[misc,valid-type]
    """Has no scores for images that were changed by more than a hair and show much green."""

    def logits(self, pixels: torch.Tensor, queries: Sequence[Query], task: Task = "I2T") -> torch.Tensor:
        scores = super().logits(pixels, queries, task)
        broken = (pixels * 255 - (pixels * 255).round()).abs().amax((1, 2, 3)) > 0.01
        green = pixels[:, 1].mean((1, 2)) > 0.5
        return torch.where((broken & green)[:, None], torch.nan, scores)


class Contrary(ColourLinker):  # type: ignore[misc,valid-type]
    """Turns its ranking round for pictures as they lie in the data set."""

    def _one(self, query: Query, task: Task) -> Prediction:
        said: Prediction = super()._one(query, task)
        original = query.image is not None and "many" in query.image.parts
        return replace(said, ranked=said.ranked[::-1]) if original else said


class Fractional(ColourLinker):  # type: ignore[misc,valid-type]
    """Prefers the last candidate for images that no file of 8 bits can hold."""

    def logits(self, pixels: torch.Tensor, queries: Sequence[Query], task: Task = "I2T") -> torch.Tensor:
        scores = super().logits(pixels, queries, task)
        off = (pixels * 255 - (pixels * 255).round().detach()).square().mean((1, 2, 3))
        return torch.cat([scores[:, :-1], scores[:, -1:] + 30 * off[:, None]], 1)


class Dropped(ColourLinker):  # type: ignore[misc,valid-type]
    """Its model was left in training mode."""

    def __init__(self, kb: KnowledgeBase, /) -> None:
        super().__init__(kb)
        self.model = torch.nn.Dropout(0.5)

    def logits(self, pixels: torch.Tensor, queries: Sequence[Query], task: Task = "I2T") -> torch.Tensor:
        return super().logits(self.model(pixels), queries, task)


class Voting(ColourLinker):  # type: ignore[misc,valid-type]
    """Looks at the image through fresh noise each time."""

    def logits(self, pixels: torch.Tensor, queries: Sequence[Query], task: Task = "I2T") -> torch.Tensor:
        return super().logits(pixels + 0.2 * torch.randn_like(pixels), queries, task)
