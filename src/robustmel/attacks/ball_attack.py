"""What attacks inside the L-infinity ball share: their budget, and starting afresh."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from torch import Tensor

from robustmel.attacks.contract import Noise, Objective
from robustmel.attacks.options import AskingAttack
from robustmel.attacks.outcome import Outcome
from robustmel.attacks.quantities import as_budget, pixel_length, whole
from robustmel.types import Perturbation


class BallAttack(AskingAttack, ABC):
    """Base of the attacks that stay within `eps` of the image.

    No dataclass itself: a subclass lists its parameters, `eps` and `restarts` among them, in its own order.
    """

    eps: float
    restarts: int

    threat_model: ClassVar[str] = "linf"

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        self._set(eps=pixel_length("eps", self.eps))
        whole("restarts", self.restarts, least=1)

    @property
    def budget(self) -> str:
        """The radius."""
        return as_budget(self.eps)

    @property
    @abstractmethod
    def idle(self) -> bool:
        """Whether these parameters leave nothing to do: images are handed back as they are, judged."""

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
        """Looks for an image that fools, for each still open; what is fooled takes no part in the next start."""
        for among in self.aims(outcome):
            for start in range(self.restarts):
                rows = outcome.open(among)
                if len(rows):
                    self.run(outcome, rows, noise, start)

    def aims(self, outcome: Outcome) -> Iterator[Tensor | None]:
        """What the batch is aimed at, one after the other: the images that take part, bool (B,), or None for all."""
        yield None

    @abstractmethod
    def run(self, outcome: Outcome, rows: Tensor, noise: Noise, start: int) -> None:
        """One start, counted from 0, for the images `rows`, int64 (b,), of which there is one at least."""
