"""What attacks inside the L-infinity ball share: their budget, starting afresh, and the state of a start."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

from torch import Tensor

from robustmel.attacks.contract import Noise, Objective
from robustmel.attacks.image.ball import Ball
from robustmel.attacks.image.options import QueryAttack
from robustmel.attacks.image.outcome import Outcome
from robustmel.attacks.quantities import as_budget, at_least_one, pixel_length
from robustmel.types import Perturbation


class BallAttack(QueryAttack, ABC):
    """Base of the attacks that stay within `eps` of the image.

    No dataclass itself: a subclass lists its parameters, `eps`, `restarts` and mostly `steps` among them, in its own order.
    """

    eps: float
    steps: int
    restarts: int

    threat_model: ClassVar[str] = "linf"

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        self._check(eps=pixel_length, restarts=at_least_one)

    @property
    def budget(self) -> str:
        """The radius."""
        return as_budget(self.eps)

    @property
    def idle(self) -> bool:
        """Whether these parameters leave nothing to do: images are handed back as they are, judged."""
        return self.steps == 0

    @abstractmethod
    def passes(self) -> int:
        """Forward passes an image costs at most; see `ImageAttack`."""

    def perturb(self, pixels: Tensor, objective: Objective, gold: Tensor, noise: Noise) -> Perturbation:
        """Perturbs a batch; see `ImageAttack`."""
        outcome = Outcome(self, pixels, objective, gold, noise)
        if self.eps == 0 or self.idle:
            return outcome.untouched()
        self.search(outcome, noise)
        return outcome.perturbation()

    def search(self, outcome: Outcome, noise: Noise) -> None:
        """Looks for an image that fools, for each still active; what is fooled takes no part in the next start."""
        for taking_part in self.goals(outcome):
            for start in range(self.restarts):
                rows = outcome.active(taking_part)
                if len(rows):
                    self.run(outcome, rows, noise, start)

    def goals(self, outcome: Outcome) -> Iterator[Tensor | None]:
        """Sets one goal of the batch after the other; yields the images that take part, bool (B,), or None for all."""
        yield None

    @abstractmethod
    def run(self, outcome: Outcome, rows: Tensor, noise: Noise, start: int) -> None:
        """One start, counted from 0, for the images `rows`, int64 (b,), of which there is one at least."""


@dataclass
class StartState:
    """Base of the state of one start, which images may leave: a dataclass of tensors with a row an image, and of balls.

    Args:
        rows: int64 (b,): which images of the whole batch these are.
        ball: Where they may go.
        current: float32 (b, 3, H, W), the iterates.
    """

    rows: Tensor
    ball: Ball
    current: Tensor

    def narrow(self, keep: Tensor) -> Self:
        """The state of some images: those where `keep`, bool (b,), holds."""
        if keep.all():
            return self
        kept: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            kept[field.name] = value.narrow(keep) if isinstance(value, Ball) else value[keep]
        return type(self)(**kept)


def replaced(images: Tensor, where: Tensor, others: Tensor) -> Tensor:
    """`images` with `others` in some places; no copy where it is all or none, since iterates are never written over."""
    if not where.any():
        return images
    return others if where.all() else others.where(where[:, None, None, None], images)
