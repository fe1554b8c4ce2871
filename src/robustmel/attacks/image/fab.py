"""The Fast Adaptive Boundary attack (Croce and Hein, 2020), targeted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustmel.attacks.contract import Noise
from robustmel.attacks.image.attacked_batch import AttackedBatch
from robustmel.attacks.image.ball import Ball
from robustmel.attacks.image.ball_attack import MultiTargetedAttack, StartState
from robustmel.attacks.image.eight_bit import largest
from robustmel.attacks.image.gradients import replaced
from robustmel.errors import UsageError

TINY = 1e-30

DOUBLINGS = 5
"""So often a change is made longer that rounding undoes; the last time up to the border of the ball."""

MOST_ROUNDS, CLOSE = 50, 1e-6
"""Of the projection: rounds at most (each goes beyond at least one pixel that meets the border, and a handful is the rule), and
the share of the way that may be left."""


@dataclass(frozen=True)
class FAB(MultiTargetedAttack):
    """Minimises the largest pixel change that fools, up to a budget (Fast Adaptive Boundary; Croce & Hein, 2020).

    It walks along the boundary to one wrong candidate after the other. Each iterate goes to where the two scores would be equal
    were they linear, with a bias towards the image; from beyond the boundary it steps back. Only changes within `eps` count.
    Where rounding to 8 bits undoes the shortest, longer ones in the same direction are tried.

    Args:
        eps: Radius of the L-infinity ball, in units of the pixel range [0, 1]; 0 leaves images as they are. Also as "8/255".
        steps: Number of gradient steps toward each target; 0 leaves images as they are.
        targets: Number of targets at most, those first that score highest on the clean image; shorter lists have fewer.
        restarts: Runs toward each target; the first begins at the image, others at random points around it.
        alpha_max: The bias towards the image at most, below 1.
        eta: How far each step goes, as a multiple of the way to the boundary; 1 or above.
        beta: What is left of a change that fools after the step back, below 1.
        drop_fooled: See `GradientAttack`, as for the options after it.

    Source:
        Croce & Hein, "Minimally Distorted Adversarial Examples with a Fast Adaptive Boundary Attack", ICML 2020, algorithm 1
        and section 3; without its final search, and with targets, as in the authors' "Reliable Evaluation ...", ICML 2020.
    """

    eps: float = 8 / 255
    steps: int = 100
    targets: int = 9
    restarts: int = 1
    alpha_max: float = 0.1
    eta: float = 1.05
    beta: float = 0.9

    version: ClassVar[int] = 2

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        if self.eta < 1:
            raise UsageError(
                f"eta = {self.eta:g} must be at least 1, or no step crosses the boundary; the authors use {FAB.eta}."
            )

    @property
    def random(self) -> bool:
        """Whether it draws anything: starts after the first."""
        return self.restarts > 1

    def passes(self) -> int:
        """For each target a forward and a backward pass and a verdict a step, and verdicts after rounding; one for their order."""
        return self.targets * self.restarts * ((2 + self.drop_fooled) * self.steps + 1 + DOUBLINGS) + 1 + self.clean_passes

    def run(self, batch: AttackedBatch, rows: Tensor, noise: Noise, start: int) -> None:
        """One start toward one target; see `BallAttack`."""
        state = ProjectionState.begin(rows, Ball(batch.pixels[rows], self.eps), noise if start else None)
        for _ in range(self.steps):
            slope = batch.loss_gradient(state.current, state.rows, "margin")
            state.record(state.current, slope.finite & (slope.margin > 0))  # known for free
            active = slope.finite & ~slope.zero & (state.length > 0)
            gradient, lead, state = slope.gradient[active], slope.loss[active], _narrowed(batch, state, active)
            if not len(state.rows):
                return
            ahead = self._ahead(state, gradient, lead)
            margin = batch.margin(ahead, state.rows)
            fools = margin > 0
            state.record(ahead, fools)
            state.valid = replaced(state.valid, margin.isfinite(), ahead)
            state.current = replaced(ahead, fools, torch.lerp(state.ball.centre, ahead, self.beta))
            if batch.options.drop_fooled:
                hit = fools & state.within
                batch.submit(state.nearest[hit], state.rows[hit], hit[hit])
            state = _narrowed(batch, state, ~batch.finished[state.rows])
            if not len(state.rows):
                return
        _finish(batch, state)

    def _ahead(self, state: ProjectionState, gradient: Tensor, lead: Tensor) -> Tensor:
        """The next iterates: from the current ones and from the image to the plane of equal scores, and between the two.

        Source:
            Croce & Hein, 2020, equations 7 and 8.
        """
        centre = state.ball.centre
        apart = (gradient * (state.current - centre)).sum((1, 2, 3))
        way, way_from_centre = change_to_plane(state.current, gradient, -lead), change_to_plane(centre, gradient, apart - lead)
        length, from_centre = largest(way), largest(way_from_centre)
        bias = (length / (length + from_centre).clamp(min=TINY)).clamp(max=self.alpha_max)[:, None, None, None]
        return torch.lerp(state.current + self.eta * way, centre + self.eta * way_from_centre, bias).clamp_(0, 1)


@dataclass
class ProjectionState(StartState):
    """Where each image stands on its way along the boundary, and the nearest that fooled.

    Args:
        nearest: The fooling images that are nearest to the inputs; meaningless where none has fooled.
        length: float32 (b,): how far these are, infinite where none has fooled.
        valid: The last images whose scores were numbers.
    """

    nearest: Tensor
    length: Tensor
    valid: Tensor

    @classmethod
    def begin(cls, rows: Tensor, ball: Ball, noise: Noise | None) -> ProjectionState:
        """At the images, or half a radius away from them."""
        current = ball.centre
        if noise is not None:
            uniform = noise.uniform(rows)
            current = ball.sample(uniform / (2 * largest(uniform)[:, None, None, None]))
        nowhere = torch.full((len(rows),), torch.inf, device=current.device)
        return cls(rows, ball, current, nearest=ball.centre, length=nowhere, valid=ball.centre)

    @property
    def within(self) -> Tensor:
        """Whether an image of the ball has fooled: bool (b,)."""
        return self.length <= self.ball.eps

    def record(self, pixels: Tensor, fooling: Tensor) -> None:
        """Keeps those that fool and are nearer than any before."""
        length = largest(pixels - self.ball.centre)
        better = fooling & (length < self.length)
        self.nearest, self.length = replaced(self.nearest, better, pixels), torch.where(better, length, self.length)


def _narrowed(batch: AttackedBatch, state: ProjectionState, keep: Tensor) -> ProjectionState:
    """The state of some; the others are over."""
    if not keep.all():
        _finish(batch, state.narrow(~keep))
    return state.narrow(keep)


def _finish(batch: AttackedBatch, state: ProjectionState) -> None:
    """Hands in the changes found; one that rounding undoes, doubled until it does not, to the ball's border at most."""
    batch.record_last(state.ball.project(state.valid.clone()), state.rows)
    state = state.narrow(state.within & ~batch.fooled[state.rows])
    batch.submit(state.nearest, state.rows, state.within)
    for doubling in range(1, DOUBLINGS + 1):
        state = state.narrow(~batch.fooled[state.rows] & (state.length > 0))
        border = state.ball.eps / state.length
        factor = border if doubling == DOUBLINGS else border.clamp(max=2.0**doubling)
        longer = torch.lerp(state.ball.centre, state.nearest, factor[:, None, None, None])
        batch.submit(state.ball.project(longer), state.rows)
        state = state.narrow(factor < border)


def change_to_plane(pixels: Tensor, normal: Tensor, distance: Tensor) -> Tensor:
    """The change of least L-infinity length that brings an image onto a plane and leaves no pixel outside [0, 1].

    Every pixel moves by the same length in the direction that helps, as far as it has room. How far is found by Newton's method
    on what has been gained, which rises ever less steeply and is therefore never overshot. Where the plane does not meet the
    box, the change leads to the corner that is nearest to it.

    Args:
        pixels: float32 (b, 3, H, W) in [0, 1].
        normal: float32 (b, 3, H, W), of the plane.
        distance: float32 (b,): what the inner product of the normal and the change is to be.

    Returns:
        float32 (b, 3, H, W).
    """
    direction = normal.sign() * distance.sign()[:, None, None, None]
    room = torch.where(direction > 0, 1 - pixels, pixels)
    weight, needed = normal.abs(), distance.abs()
    length = torch.zeros_like(needed)
    going = needed > 0
    for _ in range(MOST_ROUNDS):
        wide = length[:, None, None, None]
        lack = needed - (weight * torch.minimum(room, wide)).sum((1, 2, 3))
        steepness = (weight * (room > wide)).sum((1, 2, 3))
        going = going & (lack > CLOSE * needed) & (steepness > 0)
        if not going.any():
            break
        length = torch.where(going, length + lack / steepness, length)
    return direction * torch.minimum(room, length[:, None, None, None])
