"""The state of one run of Auto-PGD: where each image stands, where it was best, how long its step is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from robustmel.attacks.ball import Ball
from robustmel.attacks.batch import Batch, replaced
from robustmel.attacks.gradients import Slope


@dataclass
class Climb(Batch):
    """A batch of images on their way up the loss.

    Args:
        rows: See `Batch`, as for the next two.
        previous: The iterates before.
        slope_sign: Sign of the gradient at `current`.
        best: The iterates of highest loss.
        best_sign: Sign of the gradient there.
        loss: Loss at `current`.
        best_loss: Loss at `best`.
        reviewed_loss: `best_loss` at the last review.
        step_size: (b, 1, 1, 1), in pixel units.
        rises: Steps since the last review that raised the loss.
        halved: Whether the last review halved the step size.
        fooling: The last iterates that fooled; meaningless where none has.
        reached: Whether any has.
    """

    previous: Tensor
    slope_sign: Tensor
    best: Tensor
    best_sign: Tensor
    loss: Tensor
    best_loss: Tensor
    reviewed_loss: Tensor
    step_size: Tensor
    rises: Tensor
    halved: Tensor
    fooling: Tensor
    reached: Tensor

    @classmethod
    def begin(cls, ball: Ball, rows: Tensor, start: Tensor, slope: Slope) -> Climb:
        """The state at the starting points; the first step is the ball's diameter long."""
        loss = torch.where(slope.finite, slope.loss, -torch.inf)
        sign = slope.gradient.sign_()
        return cls(
            rows=rows,
            ball=ball,
            current=start,
            previous=start,
            slope_sign=sign,
            best=replaced(ball.centre, slope.finite, start),
            best_sign=sign,
            loss=loss,
            best_loss=loss,
            reviewed_loss=loss,
            step_size=torch.full_like(loss, 2 * ball.eps)[:, None, None, None],
            rises=torch.zeros_like(loss),
            halved=torch.ones_like(slope.finite),
            fooling=start,
            reached=slope.finite & (slope.margin > 0),
        )

    def move(self, weight: float) -> None:
        """One step along the sign of the gradient, `weight` of it, and the rest of the last step again.

        Source:
            Croce & Hein, 2020, algorithm 1, lines 7 and 8.
        """
        ahead = self.ball.project(torch.addcmul(self.current, self.slope_sign, self.step_size))
        if weight < 1:
            ahead = torch.lerp(self.current, ahead, weight, out=ahead)
            ahead.add_(self.current, alpha=1 - weight).sub_(self.previous, alpha=1 - weight)
            self.ball.project(ahead)
        self.previous, self.current = self.current, ahead

    def learn(self, slope: Slope) -> None:
        """Takes note of the slope at the new iterates."""
        self.slope_sign = slope.gradient.sign_()
        self.rises += slope.loss > self.loss
        self.loss = slope.loss
        better = slope.finite & (slope.loss > self.best_loss)
        self.best = replaced(self.best, better, self.current)
        self.best_sign = replaced(self.best_sign, better, self.slope_sign)
        self.best_loss = torch.where(better, slope.loss, self.best_loss)
        fooling = slope.finite & (slope.margin > 0)
        self.fooling = replaced(self.fooling, fooling, self.current)
        self.reached = self.reached | fooling

    def review(self, rises_needed: float) -> None:
        """Halves the step, and goes back to the best iterate, where too few steps rose or a full step size led nowhere.

        Source:
            Croce & Hein, 2020, conditions 1 and 2.
        """
        halve = (self.rises <= rises_needed) | (~self.halved & (self.reviewed_loss >= self.best_loss))
        self.step_size = torch.where(halve[:, None, None, None], self.step_size / 2, self.step_size)
        self.current = replaced(self.current, halve, self.best)
        self.slope_sign = replaced(self.slope_sign, halve, self.best_sign)
        self.reviewed_loss, self.halved = self.best_loss, halve
        self.rises = torch.zeros_like(self.rises)
