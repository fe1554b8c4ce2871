"""Small victims whose truth is known, and a way to attack them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from robustmel.attacks import ATTACKS
from robustmel.attacks.contract import ImageAttack, Objective
from robustmel.attacks.image.item_noise import ItemNoise
from robustmel.types import Perturbation


@dataclass(frozen=True)
class Tried:
    """An attack of the table with small parameters; called, it gives the attack with further options."""

    name: str
    given: dict[str, Any]

    def __call__(self, **options: Any) -> Any:
        return ATTACKS.create(self.name, **(self.given | options))

    def has(self, *options: str) -> bool:
        """Whether the attack has such options."""
        return set(options) <= ATTACKS.parameters(self.name).keys()

    @property
    def follows_gradients(self) -> bool:
        return bool(ATTACKS.load(self.name).needs == "gradients")

    @property
    def shortest(self) -> bool:
        """Whether it looks for the shortest change: none at all, where the image fools as it is."""
        return self.name in ("cw", "fab", "fmn")


TRIED = {
    "pgd": Tried("pgd", {"eps": "8/255", "steps": 8}),
    "pgd-plain": Tried("pgd", {"eps": "8/255", "steps": 8, "random_start": False}),
    "pgd-restarts": Tried("pgd", {"eps": "8/255", "steps": 4, "restarts": 3}),
    "apgd": Tried("apgd", {"eps": "8/255", "steps": 8}),
    "apgd-dlr": Tried("apgd", {"eps": "8/255", "steps": 8, "loss": "dlr", "restarts": 2}),
    "apgd-t": Tried("apgd-t", {"eps": "8/255", "steps": 6, "targets": 2}),
    "cw": Tried("cw", {"c": 1.0, "steps": 15, "lr": 0.05}),
    "cw-search": Tried("cw", {"binary_search_steps": 3, "steps": 10, "lr": 0.05, "initial_const": 0.1, "abort_early": True}),
    "fab": Tried("fab", {"eps": "8/255", "steps": 6, "targets": 2}),
    "fmn": Tried("fmn", {"steps": 15}),
    "fmn-linf": Tried("fmn", {"steps": 15, "norm": "linf"}),
    "square": Tried("square", {"eps": "12/255", "queries": 40}),
    "autoattack": Tried("autoattack", {"eps": "8/255", "steps": 4, "targets": 2, "queries": 15}),
}


@pytest.fixture(params=TRIED.values(), ids=TRIED)
def tried(request: pytest.FixtureRequest) -> Tried:
    """Every attack that asks for scores."""
    found: Tried = request.param
    return found


@pytest.fixture(params=[one for one in TRIED.values() if one.follows_gradients], ids=[n for n in TRIED if n != "square"])
def gradient_attack(request: pytest.FixtureRequest) -> Tried:
    """Every attack that follows gradients."""
    found: Tried = request.param
    return found


class Linear:
    """Two candidates: gold scores 0, the other `weights . pixels + offset`, with an offset for every image of the batch.

    The shortest fooling change is known: `distance / sum |weights|` in L-infinity, `distance / |weights|` in L2, where
    `distance` is how far gold leads, as long as no pixel meets the border of [0, 1].
    """

    def __init__(self, pixels: Tensor, distances: Sequence[float], seed: int = 0) -> None:
        draw = torch.Generator().manual_seed(seed)
        self.weights = torch.randn(pixels[0].numel(), generator=draw)
        self.distances = torch.tensor(distances)
        self.offsets = -self.distances - pixels.flatten(1) @ self.weights

    @property
    def linf(self) -> Tensor:
        return self.distances / self.weights.abs().sum()

    @property
    def l2(self) -> Tensor:
        return self.distances / self.weights.norm()

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        offsets = self.offsets if rows is None else self.offsets[rows]
        other = pixels.flatten(1) @ self.weights + offsets
        return torch.stack([torch.zeros_like(other), other], 1)


class Conv(nn.Module):
    """A small convolutional victim with drawn weights that counts what it is asked."""

    def __init__(self, classes: int = 6, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.layers = nn.Sequential(
                nn.Conv2d(3, 8, 5, 2), nn.GELU(), nn.Conv2d(8, 8, 3), nn.GELU(), nn.Flatten(), nn.LazyLinear(classes)
            )
            self.layers(torch.zeros(1, 3, 16, 16))
        self.asked: list[int] = []

    def forward(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        self.asked.append(len(pixels))
        scores: Tensor = self.layers(pixels - 0.5) * 20
        return scores

    @torch.no_grad()
    def answers(self, pixels: Tensor) -> Tensor:
        """int64 (B,), the column of the highest score."""
        scores: Tensor = self(pixels)
        return scores.argmax(1)


def eight_bit_noise(count: int, size: int = 16, low: int = 0, high: int = 255, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(low, high + 1, (count, 3, size, size), generator=draw).float() / 255


@pytest.fixture
def linear() -> type[Linear]:
    return Linear


@pytest.fixture
def conv() -> Conv:
    return Conv()


@pytest.fixture
def pictures() -> Callable[..., Tensor]:
    """`pictures(count, size=16, low=0, high=255)`: 8-bit noise in [low, high] / 255."""
    return eight_bit_noise


@pytest.fixture
def perturb() -> Callable[..., Perturbation]:
    """`perturb(attack, victim, pixels, gold, first=0)`: runs an attack with one seed an image, counted from `first`."""

    def run(attack: ImageAttack, victim: Objective, pixels: Tensor, gold: Tensor, first: int = 0) -> Perturbation:
        noise = ItemNoise(range(first, first + len(pixels)), tuple(pixels.shape[1:]))
        return attack.perturb(pixels, victim, gold, noise)

    return run
