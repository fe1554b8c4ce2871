"""Auto-PGD (Croce and Hein, 2020)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from robustmel.attacks.contract import Noise
from robustmel.attacks.image.attacked_batch import AttackedBatch
from robustmel.attacks.image.ball import Ball
from robustmel.attacks.image.ball_attack import BallAttack, StartState
from robustmel.attacks.image.gradients import LossGradient, replaced
from robustmel.attacks.image.options import TargetableAttack

MOMENTUM = 0.75
"""The weight of the new step beside the last one; the paper's alpha."""


@dataclass(frozen=True)
class APGD(TargetableAttack, BallAttack):
    """PGD with an automatic step size: stronger than PGD, nothing to tune (Auto-PGD; Croce & Hein, 2020).

    It has momentum, halves an image's step where the loss no longer rises, and goes back to the best point. Handed back is the
    last iterate that fools (where none does and `on_failure` is "last", the one with the highest loss).

    Args:
        eps: Radius of the L-infinity ball, in units of the pixel range [0, 1]; 0 leaves images as they are. Also as "8/255".
        steps: Number of gradient steps; 0 leaves images as they are.
        loss: "ce", cross-entropy, or "dlr", the difference of logits ratio.
        rho: Share of steps in a window that must raise the loss, or the step size is halved.
        restarts: Runs from fresh random starts; an image that is fooled takes no part in the next.
        targeted: See `TargetableAttack`, as for the options after it.

    Source:
        Croce & Hein, "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks",
        ICML 2020, algorithm 1; lengths of windows as in the authors' code.
    """

    eps: float = 8 / 255
    steps: int = 20
    loss: Literal["ce", "dlr"] = "ce"
    rho: float = 0.75
    restarts: int = 1

    random: ClassVar[bool] = True
    version: ClassVar[int] = 2

    def passes(self) -> int:
        """A forward and a backward pass a step and one at the start, and the verdict."""
        return self.restarts * (self.steps + 2) + self.clean_passes

    def run(self, batch: AttackedBatch, rows: Tensor, noise: Noise, start: int) -> None:
        """One start on the border of the ball: noise stretched until its largest entry is the radius. See `BallAttack`."""
        ball, uniform = Ball(batch.pixels[rows], self.eps), noise.uniform(rows)
        border = ball.sample(uniform / torch.linalg.vector_norm(uniform, ord=torch.inf, dim=(1, 2, 3), keepdim=True))
        border, slope = batch.first_gradient(border, rows, self.loss)
        ascent, active = AscentState.begin(ball, rows, border, slope), batch.still_active(border, rows, slope)
        checkpoints, last_checkpoint = set(window_ends(self.steps)), 0
        for step in range(1, self.steps + 1):
            if not active.all():
                _finish(batch, ascent.narrow(~active))
                ascent = ascent.narrow(active)
                if not len(ascent.rows):
                    return
            ascent.step(MOMENTUM if step > 1 else 1.0)
            slope = batch.loss_gradient(ascent.current, ascent.rows, self.loss)
            ascent.update(slope)
            active = batch.still_active(ascent.current, ascent.rows, slope)
            if step in checkpoints:
                ascent.checkpoint(self.rho * (step - last_checkpoint))
                last_checkpoint = step
        _finish(batch, ascent)


@dataclass
class AscentState(StartState):
    """The current point, the best point and the step size of each image.

    Args:
        rows: See `StartState`, as for the next two.
        previous: The iterates before.
        gradient_sign: Sign of the gradient at `current`.
        best: The iterates of highest loss.
        best_sign: Sign of the gradient there.
        loss: Loss at `current`.
        best_loss: Loss at `best`.
        checkpoint_loss: `best_loss` at the last checkpoint.
        step_size: (b, 1, 1, 1), in pixel units.
        rises: Steps since the last checkpoint that raised the loss.
        halved: Whether the last checkpoint halved the step size.
        fooling: The last iterates that fooled; meaningless where none has.
        reached: Whether any has.
    """

    previous: Tensor
    gradient_sign: Tensor
    best: Tensor
    best_sign: Tensor
    loss: Tensor
    best_loss: Tensor
    checkpoint_loss: Tensor
    step_size: Tensor
    rises: Tensor
    halved: Tensor
    fooling: Tensor
    reached: Tensor

    @classmethod
    def begin(cls, ball: Ball, rows: Tensor, start: Tensor, slope: LossGradient) -> AscentState:
        """The state at the starting points; the first step is the ball's diameter long."""
        loss = torch.where(slope.finite, slope.loss, -torch.inf)
        sign = slope.gradient.sign_()
        return cls(
            rows=rows,
            ball=ball,
            current=start,
            previous=start,
            gradient_sign=sign,
            best=replaced(ball.centre, slope.finite, start),
            best_sign=sign,
            loss=loss,
            best_loss=loss,
            checkpoint_loss=loss,
            step_size=torch.full_like(loss, 2 * ball.eps)[:, None, None, None],
            rises=torch.zeros_like(loss),
            halved=torch.ones_like(slope.finite),
            fooling=start,
            reached=slope.finite & (slope.margin > 0),
        )

    def step(self, weight: float) -> None:
        """One step along the sign of the gradient, `weight` of it, and the rest of the last step again.

        Source:
            Croce & Hein, 2020, algorithm 1, lines 7 and 8.
        """
        ahead = self.ball.project(torch.addcmul(self.current, self.gradient_sign, self.step_size))
        if weight < 1:
            ahead = torch.lerp(self.current, ahead, weight, out=ahead)
            ahead.add_(self.current, alpha=1 - weight).sub_(self.previous, alpha=1 - weight)
            self.ball.project(ahead)
        self.previous, self.current = self.current, ahead

    def update(self, slope: LossGradient) -> None:
        """Takes in loss and gradient at the new iterates."""
        self.gradient_sign = slope.gradient.sign_()
        self.rises += slope.loss > self.loss
        self.loss = slope.loss
        better = slope.finite & (slope.loss > self.best_loss)
        self.best = replaced(self.best, better, self.current)
        self.best_sign = replaced(self.best_sign, better, self.gradient_sign)
        self.best_loss = torch.where(better, slope.loss, self.best_loss)
        fooling = slope.finite & (slope.margin > 0)
        self.fooling = replaced(self.fooling, fooling, self.current)
        self.reached = self.reached | fooling

    def checkpoint(self, rises_needed: float) -> None:
        """Halves the step, and goes back to the best iterate, where too few steps rose or a full step size led nowhere.

        Source:
            Croce & Hein, 2020, conditions 1 and 2.
        """
        halve = (self.rises <= rises_needed) | (~self.halved & (self.checkpoint_loss >= self.best_loss))
        self.step_size = torch.where(halve[:, None, None, None], self.step_size / 2, self.step_size)
        self.current = replaced(self.current, halve, self.best)
        self.gradient_sign = replaced(self.gradient_sign, halve, self.best_sign)
        self.checkpoint_loss, self.halved = self.best_loss, halve
        self.rises = torch.zeros_like(self.rises)


def _finish(batch: AttackedBatch, ascent: AscentState) -> None:
    """Hands in what a run came to."""
    finite = ascent.best_loss.isfinite()
    batch.record_last(ascent.best[finite], ascent.rows[finite])
    fooling = ascent.reached & ~batch.fooled[ascent.rows]
    batch.submit(ascent.fooling[fooling], ascent.rows[fooling], fooling[fooling])


def window_ends(steps: int) -> Iterator[int]:
    """The checkpoints, at which the step size is reviewed: after .22 of all steps, then in windows .03 shorter each, down to .06."""
    length, shorter, least = (max(int(fraction * steps), 1) for fraction in (0.22, 0.03, 0.06))
    end = length
    while end <= steps:
        yield end
        length = max(length - shorter, least)
        end += length
