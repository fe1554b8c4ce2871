"""Small victims of three kinds, for comparisons image by image with other libraries."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robustmel.attacks.contract import ImageAttack
from robustmel.attacks.image.item_noise import ItemNoise
from robustmel.types import Perturbation

IMAGES, CLASSES, SIDE = 64, 10, 16


class Patches(nn.Module):
    """A vision transformer of one block over patches of 4 x 4."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 24, 4, 4)
        self.place = nn.Parameter(torch.randn(1, 16, 24) * 0.1)
        self.block = nn.TransformerEncoderLayer(24, 3, 48, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.head = nn.Linear(24, CLASSES)

    def forward(self, pixels: Tensor) -> Tensor:
        tokens = self.embed(pixels).flatten(2).transpose(1, 2) + self.place
        scores: Tensor = self.head(self.block(tokens).mean(1))
        return scores


class Centred(nn.Module):
    """Layers whose scores are 0 on average over some images, with a spread of 3: every class has its share of answers."""

    def __init__(self, layers: nn.Module, images: Tensor) -> None:
        super().__init__()
        self.layers = layers
        self.requires_grad_(False).eval()
        scores = layers(images - 0.5)
        self.middle, self.scale = scores.mean(0), 3 / float(scores.std(0).mean())

    def forward(self, pixels: Tensor) -> Tensor:
        scores: Tensor = (self.layers(pixels - 0.5) - self.middle) * self.scale
        return scores


def pictures() -> Tensor:
    """Eight-bit images of soft blobs under a little noise."""
    draw = torch.Generator().manual_seed(5)
    blobs = nn.functional.interpolate(torch.rand(IMAGES, 3, 4, 4, generator=draw), size=(SIDE, SIDE), mode="bilinear")
    noisy = 0.2 + 0.6 * blobs + 0.1 * (torch.rand(IMAGES, 3, SIDE, SIDE, generator=draw) - 0.5)
    return (noisy * 255).round() / 255


def layers(kind: str) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        if kind == "vit":
            return Patches()
        if kind == "linear":
            return nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, CLASSES))
        return nn.Sequential(
            nn.Conv2d(3, 12, 5, 2), nn.GELU(), nn.Conv2d(12, 12, 3), nn.GELU(), nn.Flatten(), nn.Linear(192, CLASSES)
        )


@dataclass(frozen=True)
class System:
    """A victim, images whose answer it gets right, and what an attack of ours finds there."""

    name: str
    victim: nn.Module
    pixels: Tensor
    gold: Tensor

    def fooled(self, pixels: Tensor) -> Tensor:
        """Whether images are answered wrongly: bool (B,)."""
        with torch.no_grad():
            answers: Tensor = self.victim(pixels).argmax(1) != self.gold
        return answers

    def compare(self, theirs: Tensor, ours: Tensor, apart: int, weaker: int) -> None:
        """At most `apart` images of 64 have another verdict, and ours fools at most `weaker` fewer of them."""
        there, here = self.fooled(theirs), self.fooled(ours)
        assert 0.2 <= 1 - float(there.float().mean()) <= 0.8
        assert int((there != here).sum()) <= apart
        assert int(here.sum()) >= int(there.sum()) - weaker

    def estimator(self) -> Any:
        """The victim as ART takes it."""
        estimators = pytest.importorskip("art.estimators.classification")
        return estimators.PyTorchClassifier(
            model=self.victim,
            loss=nn.CrossEntropyLoss(),
            input_shape=tuple(self.pixels.shape[1:]),
            nb_classes=CLASSES,
            clip_values=(0.0, 1.0),
        )

    def ours(self, attack: ImageAttack) -> Perturbation:
        noise = ItemNoise(range(len(self.pixels)), tuple(self.pixels.shape[1:]))
        return attack.perturb(self.pixels, lambda pixels, rows=None: self.victim(pixels), self.gold, noise)


@pytest.fixture(scope="session", params=["conv", "linear", "vit"])
def system(request: pytest.FixtureRequest) -> System:
    pixels = pictures()
    victim = Centred(layers(request.param), pixels)
    return System(request.param, victim, pixels, victim(pixels).argmax(1))


@pytest.fixture
def own_randomness() -> Iterator[None]:
    """Other libraries draw from, and some reset, the global generators: they do so here with the same seed, and undo it."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    with torch.random.fork_rng():
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002
        random.seed(0)
        yield
    np.random.set_state(numpy_state)  # noqa: NPY002
    random.setstate(python_state)


class Drawn(nn.Module):
    """A small network with drawn weights."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = layers("conv")
        self.requires_grad_(False)

    def forward(self, pixels: Tensor) -> Tensor:
        scores: Tensor = self.layers(pixels - 0.5) * 20
        return scores


@pytest.fixture(scope="module")
def victim() -> nn.Module:
    return Drawn().eval()


@pytest.fixture(scope="module")
def pixels() -> Tensor:
    draw = torch.Generator().manual_seed(5)
    return torch.randint(50, 206, (IMAGES, 3, 16, 16), generator=draw).float() / 255


@pytest.fixture(scope="module")
def gold(victim: nn.Module, pixels: Tensor) -> Tensor:
    return victim(pixels).argmax(1)
