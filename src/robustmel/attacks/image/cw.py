"""The L2 attack of Carlini and Wagner (2017)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustmel.attacks.contract import Noise, Objective
from robustmel.attacks.image.attacked_batch import AttackedBatch
from robustmel.attacks.image.options import TargetableAttack
from robustmel.types import Perturbation

SHRINK = 1 - 1e-6
"""Keeps black and white pixels at a finite distance in tanh space."""

CHECKS, ENOUGH = 10, 0.9999
"""How often `abort_early` looks, and the share of its loss that an image must have come below since."""

UNBOUNDED = 1e10
"""Stands for "no constant has fooled yet"; the last of many searches tries it, as in the authors' code."""

MANY = 10
"""From so many searches on, the last one repeats the smallest constant that fooled."""

FIRST_DECAY, SECOND_DECAY, STABILISER = 0.9, 0.999, 1e-8
"""Adam's, as its authors recommend."""


@dataclass(frozen=True)
class CarliniWagner(TargetableAttack):
    """Minimises the change that fools, without a budget: strong and slow (CW, in L2; Carlini & Wagner, 2017).

    It minimises the squared L2 length of the change plus c times how far the right candidate still leads. The image is written
    as (tanh(w) + 1) / 2 and w is moved by Adam. Handed back is the shortest change that fools.

    Args:
        c: Weight of the lead against the length; used where there is one search step.
        kappa: The lead that the wrong candidate must gain, in units of the scores.
        lr: Adam's learning rate. Also as "1/100".
        steps: Adam's steps, in each search step; 0 leaves images as they are.
        binary_search_steps: 1 uses `c` for all images. More search the smallest c that fools, for each image on its own:
            tenfold until one fools, then halving the interval; each search step starts afresh.
        initial_const: Where the search for c begins.
        abort_early: An image whose loss has not fallen by a ten-thousandth within a tenth of the steps stops there.
        targeted: See `TargetableAttack`, as for the options after it.

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
    version: ClassVar[int] = 2

    @property
    def budget(self) -> str:
        """The weight; there is no bound on the length."""
        return f"c={self.c:g}" if self.binary_search_steps == 1 else "c searched"

    def passes(self) -> int:
        """A forward and a backward pass a step, and the verdict."""
        return self.binary_search_steps * self.steps + 1 + self.clean_passes

    def perturb(self, pixels: Tensor, objective: Objective, gold: Tensor, noise: Noise) -> Perturbation:
        """Perturbs a batch; see `ImageAttack`."""
        batch = AttackedBatch(self, pixels, objective, gold, noise)
        if self.steps == 0:
            return batch.untouched()
        first = self.c if self.binary_search_steps == 1 else self.initial_const
        constants = ConstantSearch(pixels, first, self.binary_search_steps)
        for search in range(self.binary_search_steps):
            if search:
                constants.update(search)
            rows = batch.begin()
            if len(rows):
                self._run(batch, rows, constants)
        rows = batch.begin()
        fooling = rows[constants.length[rows].isfinite()]
        batch.submit(constants.shortest[fooling], fooling, torch.ones_like(fooling, dtype=torch.bool))
        return batch.perturbation()

    def _run(self, batch: AttackedBatch, rows: Tensor, constants: ConstantSearch) -> None:
        centre, constant = batch.pixels[rows], constants.constant[rows]
        adam = Adam(((2 * centre - 1) * SHRINK).atanh_(), self.lr)
        inner = _image(adam.point)
        current, valid = centre, centre  # the input itself comes first: where it fools, no change is the shortest
        before = torch.full_like(constant, torch.inf)
        for step in range(self.steps):
            slope = batch.loss_gradient(current, rows, "margin")
            change, gradient = current - centre, slope.gradient
            length, lack = torch.linalg.vector_norm(change, dim=(1, 2, 3)).square(), (self.kappa - slope.margin).clamp(min=0)
            constants.record(current, rows, length, slope.finite & (slope.margin > self.kappa))
            keep = batch.still_active(current, rows, slope, self.kappa) & ((length > 0) | (lack > 0))
            if self.abort_early and step % max(self.steps // CHECKS, 1) == 0:
                loss = length + constant * lack
                keep &= loss <= ENOUGH * before
                before = loss
            if not keep.all():
                if step:
                    batch.record_last(torch.where(slope.finite[:, None, None, None], current, valid)[~keep], rows[~keep])
                rows, centre, constant, before, lack = rows[keep], centre[keep], constant[keep], before[keep], lack[keep]
                current, inner, change, gradient = current[keep], inner[keep], change[keep], gradient[keep]
                adam.narrow(keep)
                if not len(rows):
                    return
            if step == self.steps - 1:
                break
            pull = torch.where(lack > 0, constant / 2, 0.0)[:, None, None, None]
            downhill = change.addcmul_(gradient, pull, value=-1)  # half of it: 2 change - c gradient
            steepness = torch.addcmul(inner, inner, inner, value=-1, out=gradient)  # of the image over w: 2 inner (1 - inner)
            adam.step(downhill.mul_(steepness).mul_(4))
            inner = _image(adam.point)
            valid, current = current, inner
        batch.record_last(current, rows)


def _image(point: Tensor) -> Tensor:
    """(tanh(w) + 1) / 2, by the logistic function, which is the same at 2 w and takes a third of the time."""
    return (2 * point).sigmoid_()


class ConstantSearch:
    """The binary search for c, an image each: a search that fooled lowers it, one that did not raises it.

    Args:
        pixels: float32 (B, 3, H, W), the inputs.
        first: The constant of the first search.
        searches: How many there will be.

    Source:
        Carlini & Wagner, 2017, section VI.A ("choosing the constant c").
    """

    def __init__(self, pixels: Tensor, first: float, searches: int) -> None:
        self.searches = searches
        self.constant = pixels.new_full((len(pixels),), first)
        self.lower = torch.zeros_like(self.constant)
        self.upper = torch.full_like(self.constant, UNBOUNDED)
        self.shortest = pixels.clone()
        self.length = torch.full_like(self.constant, torch.inf)
        self.fooled = torch.zeros_like(self.constant, dtype=torch.bool)

    def record(self, pixels: Tensor, rows: Tensor, length: Tensor, fooling: Tensor) -> None:
        """Keeps the images of `rows` that fool and are nearer to the input than any before."""
        self.fooled[rows] |= fooling
        better = fooling & (length < self.length[rows])
        self.shortest[rows[better]], self.length[rows[better]] = pixels[better], length[better]

    def update(self, search: int) -> None:
        """The constants of the search numbered `search`, from 0, after all of the one before."""
        self.upper = torch.where(self.fooled, torch.minimum(self.upper, self.constant), self.upper)
        self.lower = torch.where(self.fooled, self.lower, torch.maximum(self.lower, self.constant))
        self.constant = torch.where(self.upper < UNBOUNDED, (self.lower + self.upper) / 2, self.constant * 10)
        if self.searches >= MANY and search == self.searches - 1:
            self.constant = self.upper
        self.fooled = torch.zeros_like(self.fooled)


class Adam:
    """Moves `point` against gradients, each entry at its own pace.

    Written out because an optimiser of torch's own takes no part of a batch away, and loads its compiler when first made.

    Args:
        point: float32 (B, ...); overwritten by every step.
        lr: Learning rate.

    Source:
        Kingma & Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.
    """

    def __init__(self, point: Tensor, lr: float) -> None:
        self.point = point
        self.lr = lr
        self.steps = 0
        self._mean = torch.zeros_like(point)
        self._square = torch.zeros_like(point)

    def step(self, gradient: Tensor) -> None:
        """One step down; overwrites the gradient."""
        self.steps += 1
        first, second = 1 - FIRST_DECAY**self.steps, math.sqrt(1 - SECOND_DECAY**self.steps)
        self._mean.lerp_(gradient, 1 - FIRST_DECAY)
        self._square.mul_(SECOND_DECAY).addcmul_(gradient, gradient, value=1 - SECOND_DECAY)
        pace = torch.sqrt(self._square, out=gradient).add_(STABILISER * second)
        self.point.addcdiv_(self._mean, pace, value=-self.lr * second / first)

    def narrow(self, keep: Tensor) -> None:
        """Forgets the images where `keep`, bool (B,), does not hold."""
        self.point, self._mean, self._square = self.point[keep], self._mean[keep], self._square[keep]
