"""Projected gradient descent (Madry et al., 2018)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustmel.attacks.contract import Noise
from robustmel.attacks.image.attacked_batch import AttackedBatch
from robustmel.attacks.image.ball import Ball
from robustmel.attacks.image.ball_attack import BallAttack
from robustmel.attacks.image.gradients import replaced
from robustmel.attacks.image.options import TargetableAttack
from robustmel.attacks.quantities import Check, pixel_length
from robustmel.errors import UsageError


@dataclass(frozen=True)
class PGD(TargetableAttack, BallAttack):
    """The standard gradient attack: small steps up the loss, each pixel within a budget (PGD; Madry et al., 2018).

    It ascends the cross-entropy inside the L-infinity ball around the image.

    Args:
        eps: Radius of the ball, in units of the pixel range [0, 1]; 0 leaves images as they are. Also as "8/255".
        step_size: Length of one step, in the same units.
        steps: Number of gradient steps; 0 leaves images as they are.
        random_start: Begin at a uniform point of the ball instead of the image.
        restarts: Runs from fresh random starts; an image that is fooled takes no part in the next.
        targeted: See `TargetableAttack`, as for the options after it.

    Source:
        Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018, section 2.1.
    """

    eps: float = 8 / 255
    step_size: float = 2 / 255
    steps: int = 20
    random_start: bool = True
    restarts: int = 1

    loss: ClassVar[str] = "ce"
    version: ClassVar[int] = 2
    ranges: ClassVar[Mapping[str, Check]] = {"step_size": pixel_length}

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        if not self.random_start and self.restarts > 1:
            raise UsageError(f"restarts = {self.restarts} without a random start repeats one run; set random_start = true.")

    @property
    def random(self) -> bool:
        """Whether it draws anything."""
        return self.random_start or super().random

    @property
    def reach(self) -> float:
        """How far the steps can lead from their start, in units of the pixel range; below twice `eps` they cannot cross the ball."""
        return self.steps * self.step_size

    def passes(self) -> int:
        """A forward and a backward pass a step, and the verdict: after rounding, and where that fails before."""
        return self.restarts * (self.steps + 2) + self.clean_passes

    def ascent(self, gradient: Tensor, current: Tensor, clean: Tensor) -> Tensor:
        """Where a step leads: here up the loss.

        Args:
            gradient: float32 (b, 3, H, W), of the loss at the iterates.
            current: The iterates.
            clean: The images themselves.
        """
        return gradient

    def run(self, batch: AttackedBatch, rows: Tensor, noise: Noise, start: int) -> None:
        """One start; see `BallAttack`."""
        centre = batch.pixels[rows]
        ball = Ball(centre, self.eps)
        current = ball.sample(noise.uniform(rows)) if self.random_start else centre
        valid = fooling = centre
        reached = torch.zeros_like(rows, dtype=torch.bool)
        for step in range(self.steps):
            current, slope = (
                batch.first_gradient(current, rows, self.loss)
                if step == 0
                else (current, batch.loss_gradient(current, rows, self.loss))
            )
            gradient, keep = self.ascent(slope.gradient, current, ball.centre), batch.still_active(current, rows, slope)
            if not keep.all():
                halted, saved = ~slope.finite, ~slope.finite & reached
                if step:
                    batch.record_last(valid[halted], rows[halted])
                batch.submit(fooling[saved], rows[saved], saved[saved])
                rows, ball, current, gradient = rows[keep], ball.narrow(keep), current[keep], gradient[keep]
                fooling, reached = fooling[keep], reached[keep]
                if not len(rows):
                    return
            fools = slope.margin[keep] > 0
            fooling, reached = replaced(fooling, fools, current), reached | fools
            valid, current = current, ball.step(current, gradient, self.step_size)
        batch.record_last(current, rows)
        batch.submit(current, rows)
        lost = batch.halted[rows] & reached  # the last iterate has no answer, an earlier one fooled
        batch.submit(fooling[lost], rows[lost], lost[lost])
