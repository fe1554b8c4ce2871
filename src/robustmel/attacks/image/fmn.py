"""The fast minimum-norm attack (Pintor et al., 2021)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from robustmel.attacks.contract import Noise, Objective
from robustmel.attacks.image.attacked_batch import AttackedBatch
from robustmel.attacks.image.eight_bit import euclidean
from robustmel.attacks.image.options import TargetableAttack
from robustmel.attacks.quantities import Check, above_zero
from robustmel.types import Perturbation

SHORTEST_STEP, LEAST_GAMMA = 0.01, 0.001
"""What the cosine schedules end with: a share of the first step, and the last change of the radius."""

DOUBLINGS, HALVINGS = 5, 4
"""How the multiple of a change is sought that survives rounding: up to 32 times its length, then within a sixteenth."""

TINY = 1e-30


@dataclass(frozen=True)
class FMN(TargetableAttack):
    """Measures the smallest change that fools, without a budget (fast minimum-norm attack; Pintor et al., 2021).

    A ball around the image shrinks while its best point fools, and grows else. There is no budget; what an image takes is in its log, and the report draws success against it. An image that fools as it
    is is handed back as it is.

    Args:
        norm: What is to be short: "l2", the Euclidean length, or "linf", the largest change of a pixel.
        steps: Number of gradient steps; 0 leaves images as they are.
        step_size: Euclidean length of the first step, in units of the pixel range; it falls to a hundredth of that.
        gamma: Share by which the ball first shrinks or grows, below 1; it falls to 0.001.
        stretch: A change that rounding to 8 bits undoes is made longer until it survives, since only that will be scored.
            Without it, the shortest change before rounding is handed back.
        targeted: See `TargetableAttack`, as for the options after it.

    Source:
        Pintor et al., "Fast Minimum-norm Adversarial Attacks through Adaptive Norm Constraints", NeurIPS 2021, algorithm 1.
    """

    norm: Literal["l2", "linf"] = "l2"
    steps: int = 100
    step_size: float = 1.0
    gamma: float = 0.05
    stretch: bool = True

    version: ClassVar[int] = 2
    ranges: ClassVar[Mapping[str, Check]] = {"step_size": above_zero}

    @property
    def threat_model(self) -> str:
        """Changes as short as can be, in this norm."""
        return f"{self.norm}-minimal"

    @property
    def budget(self) -> str:
        """None."""
        return "none set"

    def passes(self) -> int:
        """A forward and a backward pass a step, the verdict, and the search for a change that survives rounding."""
        return self.steps + 1 + self.stretch * (DOUBLINGS + HALVINGS) + self.clean_passes

    def perturb(self, pixels: Tensor, objective: Objective, gold: Tensor, noise: Noise) -> Perturbation:
        """Perturbs a batch; see `ImageAttack`."""
        batch = AttackedBatch(self, pixels, objective, gold, noise)
        if self.steps == 0:
            return batch.untouched()
        shortest, length = pixels.clone(), torch.full((len(pixels),), torch.inf, device=pixels.device)
        rows = batch.begin()
        if len(rows):
            self._run(batch, rows, shortest, length)
        rows = batch.begin()
        fooling = rows[length[rows].isfinite()]
        batch.submit(shortest[fooling], fooling, torch.ones_like(fooling, dtype=torch.bool))
        if self.stretch:
            _stretch(batch, shortest, fooling[~batch.fooled[fooling]])
        return batch.perturbation()

    def _run(self, batch: AttackedBatch, rows: Tensor, shortest: Tensor, shortest_length: Tensor) -> None:
        """Fills in the shortest changes; `shortest_length` stays infinite where none was found."""
        centre = batch.pixels[rows]
        widest = self._length(torch.maximum(centre, 1 - centre))
        radius = torch.full_like(widest, torch.inf)
        current, valid = centre, centre
        for step in range(self.steps):
            slope = batch.loss_gradient(current, rows, "margin")
            length, fools = self._length(current - centre), slope.finite & (slope.margin > 0)
            nearer = fools & (length <= shortest_length[rows])
            shortest[rows[nearer]], shortest_length[rows[nearer]] = current[nearer], length[nearer]
            keep = batch.still_active(current, rows, slope) & ~(fools & (length == 0))
            if not keep.all() or step == self.steps - 1:
                batch.record_last(torch.where(slope.finite[:, None, None, None], current, valid), rows)
            if step == self.steps - 1 or not keep.any():
                return
            best, gradient, margin = shortest_length[rows], slope.gradient, slope.margin
            gamma = self._annealed(self.gamma, LEAST_GAMMA, step)
            boundary = length + margin.abs() / self._dual_length(gradient).clamp(min=TINY)  # as if the scores were linear
            larger = torch.where(best.isfinite(), radius, boundary) * (1 + gamma)  # beyond the boundary: on it nothing fools
            radius = torch.where(fools, torch.minimum(radius * (1 - gamma), best), larger).minimum(widest)
            if not keep.all():
                rows, centre, widest, radius = rows[keep], centre[keep], widest[keep], radius[keep]
                current, gradient = current[keep], gradient[keep]
            steepest = gradient / euclidean(gradient).clamp(min=TINY)[:, None, None, None]
            change = current - centre + self._annealed(self.step_size, SHORTEST_STEP * self.step_size, step) * steepest
            valid, current = current, (centre + self._within(change, radius)).clamp_(0, 1)

    def _annealed(self, first: float, last: float, step: int) -> float:
        """From `first` towards `last` along half a cosine."""
        return last + (first - last) * (1 + math.cos(math.pi * step / self.steps)) / 2

    def _length(self, change: Tensor) -> Tensor:
        return euclidean(change) if self.norm == "l2" else change.flatten(1).abs().amax(1)

    def _dual_length(self, gradient: Tensor) -> Tensor:
        return euclidean(gradient) if self.norm == "l2" else gradient.flatten(1).abs().sum(1)

    def _within(self, change: Tensor, radius: Tensor) -> Tensor:
        """The nearest change of at most that length."""
        wide = radius[:, None, None, None]
        if self.norm == "linf":
            return torch.clamp(change, -wide, wide)
        shrink = (wide / self._length(change).clamp(min=TINY)[:, None, None, None]).clamp(max=1)
        return change * shrink


def _stretch(batch: AttackedBatch, shortest: Tensor, rows: Tensor) -> None:
    """Keeps, of the multiples of a change, about the smallest whose image fools after rounding to 8 bits."""
    low = torch.ones(len(rows), device=shortest.device)
    high = torch.full_like(low, torch.inf)
    for number in range(DOUBLINGS + HALVINGS):
        trying = (high.isinf() if number < DOUBLINGS else high.isfinite()) & ~batch.halted[rows]
        if not trying.any():
            continue
        some, factor = rows[trying], torch.where(high.isinf(), 2 * low, (low + high) / 2)[trying]
        start = batch.pixels[some]
        longer = (start + factor[:, None, None, None] * (shortest[some] - start)).clamp_(0, 1)
        fools = batch.query(longer, some) > 0
        batch.keep(longer[fools], some[fools])
        high[trying] = torch.where(fools, factor, high[trying])
        low[trying] = torch.where(fools, low[trying], factor)
