"""What flags are raised upon: a row of the table with its logs and with what each of its mentions earned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from robustmel.report.credit import Floats
from robustmel.report.flags.trace import Trace, trace
from robustmel.report.results import Cell
from robustmel.report.scoring import Scoring
from robustmel.report.statistics import Clusters
from robustmel.report.summary import Summary

Victim = tuple[str, str, str, str]
"""Data set, task, linker and defence."""

VIEW = {"I2T": "image", "IT2T": "fused", "T2T": "text"}
"""Which view of an attack is of the score that the task is answered by."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """One row of the table: the seeds of a cell.

    Args:
        summary: Its figures.
        cells: One a seed.
        scoring: Of the run.
    """

    summary: Summary
    cells: tuple[Cell, ...]
    scoring: Scoring

    @property
    def victim(self) -> Victim:
        """Whom it is about."""
        one = self.summary
        return one.dataset, one.task, one.linker, one.defence

    @cached_property
    def credit(self) -> Floats:
        """(n,): what each mention earned, as a mean over the seeds."""
        credit: Floats = np.mean([self.scoring.cell(cell).credit.mean(axis=0) for cell in self.cells], axis=0)
        return credit

    @cached_property
    def least(self) -> Floats:
        """(n,): what each mention earned under the seed that was hardest on it."""
        credit: Floats = np.min([self.scoring.cell(cell).credit.min(axis=0) for cell in self.cells], axis=0)
        return credit

    @property
    def clusters(self) -> Clusters:
        """(n,): which mentions belong together."""
        return self.scoring.facts(self.cells[0]).clusters

    @cached_property
    def trace(self) -> Trace:
        """What the logs of all its perturbed sets come to."""
        return trace(self.scoring.run.log(cell, view) for cell in self.cells for view in cell.views)

    @cached_property
    def own(self) -> bool:
        """Whether the attack read the scores of the very linker that answers, behind its defence."""
        return self.summary.source == self.summary.linker and self._behind_the_defence

    @cached_property
    def white_box(self) -> bool:
        """Whether the attack took gradients, and those of the very score by which this linker answers."""
        return self.own and VIEW[self.summary.task] in self.summary.views and self.trace.gradients

    @property
    def control(self) -> bool:
        """Whether nobody was asked: noise and the like, not meant to break anything."""
        return self.summary.source == "none"

    @property
    def _behind_the_defence(self) -> bool:
        """Sets from before this was kept are taken to have been made on the victim."""
        for cell in self.cells:
            for view in cell.views:
                made_on = self.scoring.run.manifest("variant", view.variant).get("defence_title", cell.defence)
                if made_on != cell.defence:
                    return False
        return True

    @cached_property
    def bound(self) -> float | None:
        """The largest change of a pixel that was allowed, pixels in [0, 1]; None where the attack has no such bound."""
        try:
            return float(Fraction(self.summary.budget)) if self.summary.threat_model in ("linf", "noise") else None
        except (ValueError, ZeroDivisionError):
            return None

    @cached_property
    def reach(self) -> float | None:
        """The bound, or where there is none the largest change that was made; None where nothing was perturbed."""
        return self.bound if self.bound is not None else self.trace.changed

    @property
    def label(self) -> str:
        """Task and attack, as sentences name a row."""
        made_on = self.summary.source
        return f"{self.summary.task} {self.summary.attack}" + (
            "" if made_on in ("none", self.summary.linker) else f" made on {made_on}"
        )


def evidence(scoring: Scoring, summaries: Sequence[Summary]) -> list[Evidence]:
    """The rows that can be doubted: all but worst cases over attacks and attacks on a task that reads no image."""
    cells: defaultdict[tuple[str, ...], list[Cell]] = defaultdict(list)
    for cell in scoring.run.cells:
        cells[cell.dataset, cell.task, cell.linker, cell.source, cell.defence, cell.attack].append(cell)
    return [
        Evidence(one, tuple(cells[one.dataset, one.task, one.linker, one.source, one.defence, one.attack]), scoring)
        for one in summaries
        if not one.worst_case and not one.reads_no_image
    ]
