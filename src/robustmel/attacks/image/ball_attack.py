"""Base of attacks inside the L-infinity ball: budget, restarts and the state of a start."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

from torch import Tensor

from robustmel.attacks.contract import Noise, Objective
from robustmel.attacks.image.attacked_batch import AttackedBatch
from robustmel.attacks.image.ball import Ball
from robustmel.attacks.image.goal import Goal
from robustmel.attacks.image.options import GradientAttack, QueryAttack
from robustmel.attacks.quantities import as_budget, radius
from robustmel.types import Perturbation


class BallAttack(QueryAttack, ABC):
    """Base of the attacks that stay within `eps` of the image.

    No dataclass itself: a subclass lists its parameters, `eps`, `restarts` and mostly `steps` among them, in its own order.
    """

    eps: float
    steps: int
    restarts: int

    threat_model: ClassVar[str] = "linf"

    @property
    def budget(self) -> str:
        """The radius."""
        return as_budget(self.eps)

    @property
    def for_eight_bits(self) -> Self:
        """The attack as it acts on images of 8 bits: within the largest radius of whole steps that the one given holds."""
        return replace(self, eps=radius("eps", self.eps))  # type: ignore[call-arg]

    @property
    def idle(self) -> bool:
        """Whether these parameters leave nothing to do: images are handed back as they are, judged."""
        return self.steps == 0

    @abstractmethod
    def passes(self) -> int:
        """Forward passes an image costs at most; see `ImageAttack`."""

    def perturb(self, pixels: Tensor, objective: Objective, gold: Tensor, noise: Noise) -> Perturbation:
        """Perturbs a batch; see `ImageAttack`."""
        batch = AttackedBatch(self, pixels, objective, gold, noise)
        if self.eps == 0 or self.idle:
            return batch.untouched()
        self.search(batch, noise)
        return batch.perturbation()

    def search(self, batch: AttackedBatch, noise: Noise) -> None:
        """Looks for an image that fools, for each still active; what is fooled takes no part in the next start."""
        for taking_part in self.goals(batch):
            for start in range(self.restarts):
                rows = batch.begin(taking_part)
                if len(rows):
                    self.run(batch, rows, noise, start)

    def goals(self, batch: AttackedBatch) -> Iterator[Tensor | None]:
        """Sets one goal of the batch after the other; yields the images that take part, bool (B,), or None for all."""
        yield None

    @abstractmethod
    def run(self, batch: AttackedBatch, rows: Tensor, noise: Noise, start: int) -> None:
        """One start, counted from 0, for the images `rows`, int64 (b,), of which there is one at least."""


class MultiTargetedAttack(GradientAttack, BallAttack):
    """Base of attacks toward up to `targets` wrong candidates, by falling clean score; any other that wins is a success too.

    Source:
        Croce & Hein, "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks", ICML
        2020, section 5 ("targeted").
    """

    targets: int

    def goals(self, batch: AttackedBatch) -> Iterator[Tensor | None]:
        """One target after the other; lists that are short run out before others do. The goal is as before in the end."""
        before = batch.goal
        for column in batch.wrong_candidates()[:, : self.targets].T:
            batch.goal = Goal(before.gold, toward=column.clamp(min=0))
            yield column >= 0
        batch.goal = before


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
        narrowed: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            narrowed[field.name] = value.narrow(keep) if isinstance(value, Ball) else value[keep]
        return type(self)(**narrowed)
