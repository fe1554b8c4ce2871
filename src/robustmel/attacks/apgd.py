"""Auto-PGD (Croce and Hein, 2020)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from robustmel.attacks.ball import Ball
from robustmel.attacks.ball_attack import BallAttack
from robustmel.attacks.climb import Climb
from robustmel.attacks.contract import Noise
from robustmel.attacks.options import GradientAttack
from robustmel.attacks.outcome import Outcome
from robustmel.attacks.quantities import above_zero, one_of, whole
from robustmel.errors import UsageError

MOMENTUM = 0.75
"""The weight of the new step beside the last one; the paper's alpha."""


@dataclass(frozen=True)
class APGD(GradientAttack, BallAttack):
    """PGD with momentum that halves its step where the loss no longer rises, and goes back to the best point.

    Each image has its own step size. Handed back is the last iterate that fools (where none does and `on_failure` is "last",
    the one with the highest loss).

    Args:
        eps: Radius of the L-infinity ball, in units of the pixel range [0, 1]; 0 leaves images as they are. Also as "8/255".
        steps: Number of gradient steps; 0 leaves images as they are.
        loss: "ce", cross-entropy, or "dlr", the difference of logits ratio.
        rho: Share of steps in a window that must raise the loss, or the step size is halved.
        restarts: Runs from fresh random starts; an image that is fooled takes no part in the next.
        targeted: See `GradientAttack`, as for the options after it.

    Raises:
        UsageError: A value is out of its range.

    Source:
        Croce & Hein, "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks",
        ICML 2020, algorithm 1; lengths of windows as in the authors' code.
    """

    eps: float = 8 / 255
    steps: int = 20
    loss: Literal["ce", "dlr"] = "ce"
    rho: float = 0.75
    restarts: int = 1

    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        self._set(rho=above_zero("rho", self.rho))
        if self.rho > 1:
            raise UsageError(f"rho = {self.rho} is above 1; it is a share of steps, usually 0.75.")
        whole("steps", self.steps)
        one_of("loss", self.loss, "ce", "dlr")

    @property
    def random(self) -> bool:
        """Whether it draws anything: its starting points."""
        return True

    @property
    def idle(self) -> bool:
        """Whether there is no step to make."""
        return self.steps == 0

    def passes(self) -> int:
        """A forward and a backward pass a step and one at the start, and the verdict."""
        return self.restarts * (self.steps + 2) + self.clean_passes

    def run(self, outcome: Outcome, rows: Tensor, noise: Noise, start: int) -> None:
        """One start; see `BallAttack`."""
        climb, going = self._begin(outcome, rows, noise)
        ends, opened = set(window_ends(self.steps)), 0
        for step in range(1, self.steps + 1):
            if not going.all():
                _finish(outcome, climb.narrow(~going))
                climb = climb.narrow(going)
                if not len(climb.rows):
                    return
            climb.move(MOMENTUM if step > 1 else 1.0)
            slope = outcome.slope(climb.current, climb.rows, self.loss)
            climb.learn(slope)
            going = outcome.going_on(climb.current, climb.rows, slope)
            if step in ends:
                climb.review(self.rho * (step - opened))
                opened = step
        _finish(outcome, climb)

    def _begin(self, outcome: Outcome, rows: Tensor, noise: Noise) -> tuple[Climb, Tensor]:
        """A point on the border of the ball: noise stretched until its largest entry is the radius."""
        ball, uniform = Ball(outcome.pixels[rows], self.eps), noise.uniform(rows)
        start = ball.sample(uniform / torch.linalg.vector_norm(uniform, ord=torch.inf, dim=(1, 2, 3), keepdim=True))
        slope = outcome.slope(start, rows, self.loss)
        return Climb.begin(ball, rows, start, slope), outcome.going_on(start, rows, slope)


def _finish(outcome: Outcome, climb: Climb) -> None:
    """Hands in what a run came to."""
    stood = climb.best_loss.isfinite()
    outcome.leave(climb.best[stood], climb.rows[stood])
    fooling = climb.reached & ~(outcome.fooled | outcome.stopped)[climb.rows]
    outcome.offer(climb.fooling[fooling], climb.rows[fooling], fooling[fooling])


def window_ends(steps: int) -> Iterator[int]:
    """The steps after which the step size is reviewed: after .22 of all, then in windows .03 shorter each, down to .06."""
    length, shorter, least = (max(int(share * steps), 1) for share in (0.22, 0.03, 0.06))
    end = length
    while end <= steps:
        yield end
        length = max(length - shorter, least)
        end += length
