"""The Fast Adaptive Boundary attack (Croce and Hein, 2020), targeted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustmel.attacks.ball import Ball
from robustmel.attacks.ball_attack import BallAttack
from robustmel.attacks.batch import replaced
from robustmel.attacks.contract import Noise
from robustmel.attacks.options import UntargetedAttack
from robustmel.attacks.outcome import Outcome
from robustmel.attacks.projection import way_to_plane
from robustmel.attacks.quantities import above_zero, number, whole
from robustmel.attacks.targets import aim_at_each
from robustmel.attacks.walk import Walk
from robustmel.errors import UsageError

TINY = 1e-30

DOUBLINGS = 5
"""So often a change is made longer that rounding undoes; the last time up to the border of the ball."""


@dataclass(frozen=True)
class FAB(UntargetedAttack, BallAttack):
    """Looks for the shortest L-infinity change that fools, along the boundary to one wrong candidate after the other.

    Each iterate goes to where the two scores would be equal were they linear, with a bias towards the image; from beyond the
    boundary it steps back. Only changes within `eps` count. Where rounding to 8 bits undoes the shortest, longer ones in
    the same direction are tried.

    Args:
        eps: Radius of the L-infinity ball, in units of the pixel range [0, 1]; 0 leaves images as they are. Also as "8/255".
        steps: Number of gradient steps toward each target; 0 leaves images as they are.
        targets: Number of targets at most, those first that score highest on the clean image; shorter lists have fewer.
        restarts: Runs toward each target; the first begins at the image, others at random points around it.
        alpha_max: The bias towards the image at most, below 1.
        eta: How far each step goes, as a multiple of the way to the boundary; 1 or above.
        beta: What is left of a change that fools after the step back, below 1.
        drop_fooled: See `UntargetedAttack`, as for the options after it.

    Raises:
        UsageError: A value is out of its range.

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

    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        whole("steps", self.steps)
        whole("targets", self.targets, least=1)
        self._set(
            alpha_max=number("alpha_max", self.alpha_max), eta=number("eta", self.eta), beta=above_zero("beta", self.beta)
        )
        for name in ("alpha_max", "beta"):
            if getattr(self, name) >= 1:
                raise UsageError(f"{name} = {getattr(self, name)} must be below 1; the authors' value is {getattr(FAB, name)}.")
        if self.eta < 1:
            raise UsageError(
                f"eta = {self.eta} must be 1 or above, or no step crosses the boundary; the authors' value is {FAB.eta}."
            )

    @property
    def random(self) -> bool:
        """Whether it draws anything: starts after the first."""
        return self.restarts > 1

    @property
    def idle(self) -> bool:
        """Whether there is no step to make."""
        return self.steps == 0

    def passes(self) -> int:
        """For each target a forward and a backward pass and a verdict a step, and verdicts after rounding; one for their order."""
        return self.targets * self.restarts * ((2 + self.drop_fooled) * self.steps + 1 + DOUBLINGS) + 1 + self.clean_passes

    def aims(self, outcome: Outcome) -> Iterator[Tensor | None]:
        """One target after the other."""
        return aim_at_each(outcome, self.targets)

    def run(self, outcome: Outcome, rows: Tensor, noise: Noise, start: int) -> None:
        """One start toward one target; see `BallAttack`."""
        walk = Walk.begin(rows, Ball(outcome.pixels[rows], self.eps), noise if start else None)
        for _ in range(self.steps):
            slope = outcome.slope(walk.current, walk.rows, "margin")
            walk.note(walk.current, slope.finite & (slope.margin > 0))  # known for free
            going = slope.finite & ~slope.zero & (walk.length > 0)
            gradient, lead, walk = slope.gradient[going], slope.loss[going], _narrowed(outcome, walk, going)
            if not len(walk.rows):
                return
            ahead = self._ahead(walk, gradient, lead)
            margin = outcome.margin(ahead, walk.rows)
            fools = margin > 0
            walk.note(ahead, fools)
            walk.valid = replaced(walk.valid, margin.isfinite(), ahead)
            walk.current = replaced(ahead, fools, torch.lerp(walk.ball.centre, ahead, self.beta))
            if outcome.options.drop_fooled:
                hit = fools & walk.within
                outcome.offer(walk.nearest[hit], walk.rows[hit], hit[hit])
            walk = _narrowed(outcome, walk, ~(outcome.fooled | outcome.stopped)[walk.rows])
            if not len(walk.rows):
                return
        _finish(outcome, walk)

    def _ahead(self, walk: Walk, gradient: Tensor, lead: Tensor) -> Tensor:
        """The next iterates: from the current ones and from the image to the plane of equal scores, and between the two.

        Source:
            Croce & Hein, 2020, equations 7 and 8.
        """
        centre = walk.ball.centre
        apart = (gradient * (walk.current - centre)).sum((1, 2, 3))
        way, way_from_centre = way_to_plane(walk.current, gradient, -lead), way_to_plane(centre, gradient, apart - lead)
        length, from_centre = (torch.linalg.vector_norm(one, ord=torch.inf, dim=(1, 2, 3)) for one in (way, way_from_centre))
        bias = (length / (length + from_centre).clamp(min=TINY)).clamp(max=self.alpha_max)[:, None, None, None]
        return torch.lerp(walk.current + self.eta * way, centre + self.eta * way_from_centre, bias).clamp_(0, 1)


def _narrowed(outcome: Outcome, walk: Walk, keep: Tensor) -> Walk:
    """The walk of some; the others are over."""
    if not keep.all():
        _finish(outcome, walk.narrow(~keep))
    return walk.narrow(keep)


def _finish(outcome: Outcome, walk: Walk) -> None:
    """Hands in what a walk came to; a change that rounding undoes, doubled until it does not, to the ball's border at most."""
    outcome.leave(walk.ball.project(walk.valid.clone()), walk.rows)
    walk = walk.narrow(walk.within & ~(outcome.fooled | outcome.stopped)[walk.rows])
    outcome.offer(walk.nearest, walk.rows, walk.within)
    for doubling in range(1, DOUBLINGS + 1):
        walk = walk.narrow(~(outcome.fooled | outcome.stopped)[walk.rows] & (walk.length > 0))
        border = walk.ball.eps / walk.length
        factor = border if doubling == DOUBLINGS else border.clamp(max=2.0**doubling)
        longer = torch.lerp(walk.ball.centre, walk.nearest, factor[:, None, None, None])
        outcome.offer(walk.ball.project(longer), walk.rows)
        walk = walk.narrow(factor < border)
