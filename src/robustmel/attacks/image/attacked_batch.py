"""The book-keeping that attacks share that query a linker: what was asked, what was found, what is handed back."""

from __future__ import annotations

import torch
from torch import Tensor

from robustmel.attacks.contract import Noise, Objective
from robustmel.attacks.image.goal import Goal, choose_target, ranked_wrong
from robustmel.attacks.image.gradients import LossGradient, LossTrace, loss_gradient
from robustmel.attacks.image.losses import LOSSES, PROBABILITIES, ProbabilityCheck, dlr_needs
from robustmel.attacks.image.options import QueryAttack
from robustmel.types import Perturbation

NOT_FINITE = "the attack stopped at images whose scores or gradients were not finite, or that have one candidate"


def eight_bit(pixels: Tensor) -> Tensor:
    """The pixels as a PNG keeps them: rounded, never cut off."""
    return (pixels * 255).round().clamp(0, 255) / 255


class AttackedBatch:
    """A batch under attack.

    An image is *fooled* when its goal is reached after rounding to 8 bits. Of several images found for one input, one that
    survives rounding is kept before one that does not.

    Args:
        options: The attack's own.
        pixels: float32 (B, 3, H, W) in [0, 1], the inputs.
        objective: The scores.
        gold: int64 (B,).
        noise: The batch's randomness; draws targets.
    """

    def __init__(self, options: QueryAttack, pixels: Tensor, objective: Objective, gold: Tensor, noise: Noise) -> None:
        self.options = options
        self.pixels = pixels
        self.objective = ProbabilityCheck(objective, gold)
        self.queries, self.iterations, self.zero_gradients = (torch.zeros_like(gold) for _ in range(3))
        self.fooled, self.reached, self.skipped, self.stopped = (torch.zeros_like(gold, dtype=torch.bool) for _ in range(4))
        self.adversarial = pixels.clone()
        self.last = pixels.clone() if options.on_failure == "last" else pixels
        self.notes: dict[str, None] = {}
        self.remarks = [""] * len(gold)
        self.trace = LossTrace(gold)
        self._losses: dict[str, None] = {}
        self._wrong: Tensor | None = None
        self.goal = Goal(gold)
        if options.targeted is None and not options.skip_misclassified:
            return
        scores = self._scores(pixels, torch.arange(len(gold), device=gold.device))
        wrong = self.goal.margin(scores) > 0
        if options.targeted is not None:
            self.goal = Goal(gold, choose_target(options.targeted, scores, gold, noise))
        if options.skip_misclassified:
            self.skipped = wrong
            self.fooled = wrong & (self.goal.margin(scores) > 0)

    @property
    def finished(self) -> Tensor:
        """Bool (B,): the images that are attacked no further."""
        return self.fooled | self.skipped | self.stopped

    def active(self, taking_part: Tensor | None = None) -> Tensor:
        """int64: the rows still to be attacked, of all or of those where `taking_part`, bool (B,), holds."""
        return (~self.finished if taking_part is None else ~self.finished & taking_part).nonzero()[:, 0]

    def wrong_candidates(self) -> Tensor:
        """int64 (B, C): the wrong candidates' columns by falling score at the input, -1 where there are no more.

        Queried once, for the images that are active then; the others have none.
        """
        if self._wrong is None:
            rows = self.active()
            if not len(rows):
                return rows.new_empty(len(self.pixels), 0)
            scores = self._scores(self.pixels[rows], rows)
            self._stop(rows[~self._goal(rows).margin(scores).isfinite()])
            ranked = ranked_wrong(scores, self.goal.gold[rows])
            self._wrong = ranked.new_full((len(self.pixels), ranked.shape[1]), -1)
            self._wrong[rows] = ranked
        return self._wrong

    def loss_gradient(self, pixels: Tensor, rows: Tensor, loss: str) -> LossGradient:
        """One gradient step's query of the objective, counted; rows whose answer is not finite are stopped."""
        goal = self._goal(rows)
        slope = loss_gradient(self.objective, pixels, goal, LOSSES[loss], self._rows(rows))
        self.queries[rows] += 1
        self.iterations[rows] += 1
        # with the right candidate third, the ratio is 1 whatever the pixels are
        informative = slope.margin <= 0 if loss == "dlr" else True
        self.zero_gradients[rows] += slope.zero & slope.finite & informative
        self._losses[loss] = None
        # another member of an ensemble: its loss is no continuation of the first one's
        self.trace.record(slope, rows, loss=loss == next(iter(self._losses)))
        if loss == "dlr" and (slope.candidates < dlr_needs(goal)).any():
            self.notes[f"dlr needs {dlr_needs(goal)} candidates; the attack used the margin where there are fewer"] = None
        self._stop(rows[~slope.finite])
        return slope

    def query(self, pixels: Tensor, rows: Tensor) -> Tensor:
        """How far the goal is reached by images after rounding to 8 bits: float32 (b,), above zero where they fool.

        Counted as one query each; rows whose answer is not finite are stopped.
        """
        return self.margin(eight_bit(pixels), rows)

    def margin(self, pixels: Tensor, rows: Tensor) -> Tensor:
        """The same for images as they are, before rounding."""
        margin = self._goal(rows).margin(self._scores(pixels, rows))
        self._stop(rows[~margin.isfinite()])
        return torch.where(margin.isfinite(), margin, torch.nan)

    def keep(self, pixels: Tensor, rows: Tensor) -> None:
        """Keeps images that are known to fool after rounding to 8 bits."""
        self.adversarial[rows] = pixels
        self.fooled[rows] = True
        self.reached[rows] = True

    def submit(self, pixels: Tensor, rows: Tensor, reached: Tensor | None = None) -> None:
        """Judges the image a run found for each of `rows`, and keeps it where it is the best so far.

        Args:
            pixels: float32 (b, 3, H, W).
            rows: int64 (b,).
            reached: bool (b,): whether the goal is reached before rounding; None where that is not known yet.
        """
        if not len(rows):
            return
        fooled = self.query(pixels, rows) > 0
        if reached is None:
            reached = fooled.clone()
            unsure = ~fooled & ~self.reached[rows]
            if unsure.any():
                reached[unsure] = self.margin(pixels[unsure], rows[unsure]) > 0
        better = (fooled & ~self.fooled[rows]) | (reached & ~self.reached[rows] & ~self.fooled[rows])
        self.adversarial[rows[better]] = pixels[better]
        self.fooled[rows] |= fooled
        self.reached[rows] |= reached | fooled

    def still_active(self, pixels: Tensor, rows: Tensor, slope: LossGradient, least: float = 0.0) -> Tensor:
        """Which images stay in the batch after a step, given the slope at `pixels`: bool (b,).

        Those stopped drop out, and with `drop_fooled` those that fool by more than `least` (the image is kept).
        """
        if self.options.drop_fooled:
            hit = slope.finite & (slope.margin > least)
            self.submit(pixels[hit], rows[hit], hit[hit])
        return ~self.finished[rows]

    def record_last(self, pixels: Tensor, rows: Tensor) -> None:
        """Keeps the iterates that a run ended with; handed back for failures if `on_failure` says so."""
        if self.options.on_failure == "last" and len(rows):
            self.last[rows] = pixels

    def remark(self, what: str, where: Tensor) -> None:
        """Says something of single images, those where `where`, bool (B,), holds."""
        for row in where.nonzero()[:, 0].tolist():
            self.remarks[row] = "; ".join(filter(None, (self.remarks[row], what)))

    def untouched(self) -> Perturbation:
        """The inputs themselves, judged: what a budget of zero leaves."""
        rows = self.active()
        self.submit(self.pixels[rows], rows)
        return self.perturbation()

    def perturbation(self) -> Perturbation:
        """What the attack hands back."""
        failed = (~self.reached & ~self.skipped) | self.stopped
        pixels = torch.where(failed[:, None, None, None], self.last, self.adversarial)
        change = (pixels - self.pixels).flatten(1)
        if self._losses.keys() & {"ce", "dlr"} and (self.objective.suspect & (self.iterations > 0)).any():
            self.notes[PROBABILITIES] = None
        return Perturbation(
            pixels=pixels,
            succeeded=self.fooled & ~self.stopped,
            queries=self.queries,
            iterations=self.iterations,
            linf=torch.linalg.vector_norm(change, ord=torch.inf, dim=1),
            l2=torch.linalg.vector_norm(change, dim=1),
            zero_gradients=self.zero_gradients,
            note="; ".join(self.notes),
            stopped=self.stopped,
            remarks=tuple(self.remarks),
            **vars(self.trace),
        )

    def _goal(self, rows: Tensor) -> Goal:
        return self.goal if len(rows) == len(self.pixels) else self.goal.at(rows)

    def _rows(self, rows: Tensor) -> Tensor | None:
        return None if len(rows) == len(self.pixels) else rows

    @torch.no_grad()
    def _scores(self, pixels: Tensor, rows: Tensor) -> Tensor:
        self.queries[rows] += 1
        return self.objective(pixels, self._rows(rows)).float()

    def _stop(self, rows: Tensor) -> None:
        if len(rows):
            self.stopped[rows] = True
            self.notes[NOT_FINITE] = None
