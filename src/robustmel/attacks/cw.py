"""The L2 attack of Carlini and Wagner (2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustmel.attacks.adam import Adam
from robustmel.attacks.constants import Constants
from robustmel.attacks.contract import Noise, Objective
from robustmel.attacks.options import GradientAttack
from robustmel.attacks.outcome import Outcome
from robustmel.attacks.quantities import above_zero, number, whole, yes_or_no
from robustmel.types import Perturbation

SHRINK = 1 - 1e-6
"""Keeps black and white pixels at a finite distance in tanh space."""

CHECKS, ENOUGH = 10, 0.9999
"""How often `abort_early` looks, and the share of its loss that an image must have come below since."""


@dataclass(frozen=True)
class CarliniWagner(GradientAttack):
    """Minimises the squared L2 length of the change plus c times how far the right candidate still leads.

    The image is written as (tanh(w) + 1) / 2 and w is moved by Adam. Handed back is the shortest change that fools.

    Args:
        c: Weight of the lead against the length; used where there is one search step.
        kappa: The lead that the wrong candidate must gain, in units of the scores.
        lr: Adam's learning rate. Also as "1/100".
        steps: Adam's steps, in each search step; 0 leaves images as they are.
        binary_search_steps: 1 uses `c` for all images. More search the smallest c that fools, for each image on its own:
            tenfold until one fools, then halving the interval; each search step starts afresh.
        initial_const: Where the search for c begins.
        abort_early: An image whose loss has not fallen by a ten-thousandth within a tenth of the steps stops there.
        targeted: See `GradientAttack`, as for the options after it.

    Raises:
        UsageError: A value is out of its range.

    Source:
        Carlini & Wagner, "Towards Evaluating the Robustness of Neural Networks", IEEE S&P 2017, section VI.A.
    """

    c: float = 20.0
    kappa: float = 0.0
    lr: float = 0.01
    steps: int = 50
    binary_search_steps: int = 1
    initial_const: float = 1e-3
    abort_early: bool = False

    threat_model: ClassVar[str] = "l2"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        self._set(c=number("c", self.c), kappa=number("kappa", self.kappa), lr=above_zero("lr", self.lr))
        self._set(initial_const=above_zero("initial_const", self.initial_const))
        whole("steps", self.steps)
        whole("binary_search_steps", self.binary_search_steps, least=1)
        yes_or_no("abort_early", self.abort_early)

    @property
    def budget(self) -> str:
        """The weight; there is no bound on the length."""
        return f"c={self.c:g}" if self.binary_search_steps == 1 else "c searched"

    def passes(self) -> int:
        """A forward and a backward pass a step, and the verdict."""
        return self.binary_search_steps * self.steps + 1 + self.clean_passes

    def perturb(self, pixels: Tensor, objective: Objective, gold: Tensor, noise: Noise) -> Perturbation:
        """Perturbs a batch; see `ImageAttack`."""
        outcome = Outcome(self, pixels, objective, gold, noise)
        if self.steps == 0:
            return outcome.untouched()
        first = self.c if self.binary_search_steps == 1 else self.initial_const
        constants = Constants(pixels, first, self.binary_search_steps)
        for search in range(self.binary_search_steps):
            if search:
                constants.next(search)
            rows = outcome.open()
            if len(rows):
                self._run(outcome, rows, constants)
        found = constants.length.isfinite() & ~(outcome.fooled | outcome.stopped)
        outcome.offer(constants.shortest[found], found.nonzero()[:, 0], found[found])
        return outcome.perturbation()

    def _run(self, outcome: Outcome, rows: Tensor, constants: Constants) -> None:
        centre, weight = outcome.pixels[rows], constants.weight[rows]
        adam = Adam(((2 * centre - 1) * SHRINK).atanh_(), self.lr)
        inner = _image(adam.point)
        current, valid = centre, centre  # the input itself comes first: where it fools, no change is the shortest
        before = torch.full_like(weight, torch.inf)
        for step in range(self.steps):
            slope = outcome.slope(current, rows, "margin")
            change, gradient = current - centre, slope.gradient
            length, lack = torch.linalg.vector_norm(change, dim=(1, 2, 3)).square(), (self.kappa - slope.margin).clamp(min=0)
            constants.note(current, rows, length, slope.finite & (slope.margin > self.kappa))
            keep = outcome.going_on(current, rows, slope, self.kappa) & ((length > 0) | (lack > 0))
            if self.abort_early and step % max(self.steps // CHECKS, 1) == 0:
                loss = length + weight * lack
                keep &= loss <= ENOUGH * before
                before = loss
            if not keep.all():
                if step:
                    outcome.leave(torch.where(slope.finite[:, None, None, None], current, valid)[~keep], rows[~keep])
                rows, centre, weight, before, lack = rows[keep], centre[keep], weight[keep], before[keep], lack[keep]
                current, inner, change, gradient = current[keep], inner[keep], change[keep], gradient[keep]
                adam.narrow(keep)
                if not len(rows):
                    return
            if step == self.steps - 1:
                break
            pull = torch.where(lack > 0, weight / 2, 0.0)[:, None, None, None]
            downhill = change.addcmul_(gradient, pull, value=-1)  # half of it: 2 change - c gradient
            steepness = torch.addcmul(inner, inner, inner, value=-1, out=gradient)  # of the image over w: 2 inner (1 - inner)
            adam.step(downhill.mul_(steepness).mul_(4))
            inner = _image(adam.point)
            valid, current = current, inner
        outcome.leave(current, rows)


def _image(point: Tensor) -> Tensor:
    """(tanh(w) + 1) / 2, by the logistic function, which is the same at 2 w and takes a third of the time."""
    return (2 * point).sigmoid_()
