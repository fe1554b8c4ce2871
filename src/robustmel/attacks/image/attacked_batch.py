"""Bookkeeping of attacks that query a linker: queries, successes and the images to return."""

import torch
from torch import Tensor

from robustmel.attacks.contract import Noise, Objective
from robustmel.attacks.image.eight_bit import eight_bit
from robustmel.attacks.image.goal import Goal, choose_target, ranked_wrong
from robustmel.attacks.image.gradients import LossGradient, LossTrace, count_candidates, loss_gradient, replaced
from robustmel.attacks.image.losses import LOSSES, dlr_needs
from robustmel.attacks.image.options import QueryAttack
from robustmel.attacks.image.watched_objective import WatchedObjective
from robustmel.types import Perturbation

NOT_FINITE = "the scores or gradients of some images were not finite; the attack stopped there"
PROBABILITIES = (
    "scores look like probabilities (in [0, 1], with the sum 1), but cross-entropy and the ratio loss are made for logits"
)
"""Notes; the second because the gradient of a cross-entropy vanishes where probabilities are sure."""


class AttackedBatch:
    """A batch under attack.

    An image is *fooled* when its goal is reached after rounding to 8 bits. Of several images found for one input, one that
    survives rounding is kept before one that does not. Where an answer is not finite, the image's run is *halted*; what fooled
    before is kept, and the next run goes on with the image.

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
        self.objective = WatchedObjective(objective, gold)
        self.queries, self.iterations, self.zero_gradients = (torch.zeros_like(gold) for _ in range(3))
        self.fooled, self.reached, self.skipped = (torch.zeros_like(gold, dtype=torch.bool) for _ in range(3))
        self.halted, self.not_finite = (torch.zeros_like(self.fooled) for _ in range(2))
        self.adversarial = pixels.clone()
        self.last = pixels.clone() if options.on_failure == "last" else pixels
        self.notes: dict[str, None] = {}
        self.fooled_by = [""] * len(gold)
        self.trace = LossTrace(gold)
        self._losses: dict[str, None] = {}
        self._wrong: Tensor | None = None
        self.goal = Goal(gold)
        if options.targeted is None and not options.skip_misclassified:
            return
        scores = self._scores(pixels, torch.arange(len(gold), device=gold.device))
        clean = self.goal.margin(scores)
        if options.targeted is not None:
            target = choose_target(options.targeted, scores, gold, noise)
            self.goal = Goal(gold, target)
            self.objective.aim_at(target)
            self.skipped = self.not_finite = ~clean.isfinite()  # there is no telling whom to put first
        if options.skip_misclassified:
            self.skipped = self.skipped | (clean > 0)
            self.fooled = (clean > 0) & (self.goal.margin(scores) > 0)

    @property
    def finished(self) -> Tensor:
        """Bool (B,): the images that are attacked no further."""
        return self.fooled | self.skipped | self.halted

    def begin(self, taking_part: Tensor | None = None) -> Tensor:
        """int64: the rows that a new run attacks, those halted before among them, of all or where `taking_part`, bool (B,), holds."""
        self.halted.zero_()
        return (~self.finished if taking_part is None else ~self.finished & taking_part).nonzero()[:, 0]

    def wrong_candidates(self) -> Tensor:
        """int64 (B, C): the wrong candidates' columns by falling score at the input, -1 where there are no more.

        Queried once, for the images that are active then; the others have none.
        """
        if self._wrong is None:
            rows = self.begin()
            if not len(rows):
                return rows.new_empty(len(self.pixels), 0)
            scores = self._scores(self.pixels[rows], rows)
            self._halt(rows, self._goal(rows).margin(scores).isfinite(), count_candidates(scores))
            ranked = ranked_wrong(scores, self.goal.gold[rows])
            self._wrong = ranked.new_full((len(self.pixels), ranked.shape[1]), -1)
            self._wrong[rows] = ranked
        return self._wrong

    def loss_gradient(self, pixels: Tensor, rows: Tensor, loss: str) -> LossGradient:
        """One gradient step's query of the objective, counted; rows whose answer is not finite are halted."""
        goal = self._goal(rows)
        slope = loss_gradient(self.objective, pixels, goal, LOSSES[loss], self._rows(rows))
        self.queries[rows] += 1
        self.iterations[rows] += 1
        # with the right candidate third, the ratio is 1 whatever the pixels are
        informative = slope.margin <= 0 if loss == "dlr" else True
        self.zero_gradients[rows] += slope.zero & slope.finite & informative & ~self.objective.tied[rows]
        self._losses[loss] = None
        # another member of an ensemble: its loss is no continuation of the first one's
        self.trace.record(slope, rows, loss=loss == next(iter(self._losses)))
        if loss == "dlr" and (slope.candidates < dlr_needs(goal)).any():
            self.notes[f"dlr needs {dlr_needs(goal)} candidates; the attack used the margin where there are fewer"] = None
        self._halt(rows, slope.finite, slope.candidates)
        return slope

    def first_gradient(self, pixels: Tensor, rows: Tensor, loss: str) -> tuple[Tensor, LossGradient]:
        """The points a run starts from, with their slope; the image itself where a point away from it has no finite answer."""
        slope = self.loss_gradient(pixels, rows, loss)
        lost = ~slope.finite & self.not_finite[rows] & (pixels != self.pixels[rows]).flatten(1).any(1)
        if lost.any():
            self.halted[rows[lost]] = False
            again = self.loss_gradient(self.pixels[rows[lost]], rows[lost], loss)
            for name in LossGradient.__slots__:
                getattr(slope, name)[lost] = getattr(again, name)
            pixels = replaced(pixels, lost, self.pixels[rows])
        return pixels, slope

    def query(self, pixels: Tensor, rows: Tensor) -> Tensor:
        """How far the goal is reached by images after rounding to 8 bits: float32 (b,), above zero where they fool.

        Counted as one query each; rows whose answer is not finite are halted.
        """
        return self.margin(eight_bit(pixels), rows)

    def margin(self, pixels: Tensor, rows: Tensor) -> Tensor:
        """The same for images as they are, before rounding."""
        scores = self._scores(pixels, rows)
        margin = self._goal(rows).margin(scores)
        self._halt(rows, margin.isfinite(), count_candidates(scores))
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

        Those halted drop out, and with `drop_fooled` those that fool by more than `least` (the image is kept).
        """
        if self.options.drop_fooled:
            hit = slope.finite & (slope.margin > least)
            self.submit(pixels[hit], rows[hit], hit[hit])
        return ~self.finished[rows]

    def record_last(self, pixels: Tensor, rows: Tensor) -> None:
        """Keeps the iterates that a run ended with; handed back for failures if `on_failure` says so."""
        if self.options.on_failure == "last" and len(rows):
            self.last[rows] = pixels

    def untouched(self) -> Perturbation:
        """The inputs themselves, judged: what a budget of zero leaves."""
        rows = self.begin()
        self.submit(self.pixels[rows], rows)
        return self.perturbation()

    def perturbation(self) -> Perturbation:
        """What the attack hands back."""
        pixels = torch.where((self.reached | self.skipped)[:, None, None, None], self.adversarial, self.last)
        change = (pixels - self.pixels).flatten(1)
        probabilities = self.objective.suspect & (self.iterations > 0)  # a softmax flattens the margin too
        if probabilities.any() and self._losses.keys() & {"ce", "dlr"}:
            self.notes[PROBABILITIES] = None
        return Perturbation(
            pixels=pixels,
            succeeded=self.fooled,
            queries=self.queries,
            iterations=self.iterations,
            linf=torch.linalg.vector_norm(change, ord=torch.inf, dim=1),
            l2=torch.linalg.vector_norm(change, dim=1),
            zero_gradients=self.zero_gradients,
            note="; ".join(self.notes),
            failed=self.not_finite & ~self.fooled,
            probabilities=probabilities,
            fooled_by=tuple(self.fooled_by),
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

    def _halt(self, rows: Tensor, finite: Tensor, candidates: Tensor) -> None:
        """Halts what is not finite; with one candidate there is no margin, which is no failure."""
        if not finite.all():
            self.halted[rows[~finite]] = True
            broken = rows[~finite & (candidates != 1)]
            self.not_finite[broken] = True
            if len(broken):
                self.notes[NOT_FINITE] = None
