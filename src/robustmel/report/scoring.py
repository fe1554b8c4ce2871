"""Row sets scored, each once, however many cells, rows and flags read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from robustmel.report import metrics
from robustmel.report.clusters import clusters
from robustmel.report.credit import Earned, earned
from robustmel.report.results import Cell, Question, Run, View
from robustmel.report.statistics import Clusters
from robustmel.report.worst import worst


@dataclass
class Scoring:
    """What mentions earned in a run.

    Args:
        run: The run, read back.
    """

    run: Run

    def __post_init__(self) -> None:
        self._earned: dict[str, Earned] = {}
        self._facts: dict[str, Facts] = {}

    def view(self, cell: Cell, view: View) -> Earned:
        """Of one reading of a cell."""
        if view.rows not in self._earned:
            golds = [question.gold for question in self.run.questions(cell)]
            self._earned[view.rows] = earned(golds, self.run.predictions(cell, view))
        return self._earned[view.rows]

    def cell(self, cell: Cell) -> Earned:
        """Of a cell: a mention must withstand all its readings."""
        return worst([self.view(cell, view) for view in cell.views])

    def facts(self, cell: Cell) -> Facts:
        """Of the questions behind a cell."""
        return self._facts.setdefault(cell.candidates, Facts(self.run.questions(cell)))


@dataclass
class Facts:
    """What is true of a set of questions whoever answers them."""

    questions: Sequence[Question]

    @cached_property
    def clusters(self) -> Clusters:
        """Which mentions belong together."""
        return clusters(self.questions)

    @cached_property
    def recall(self) -> float | None:
        """See `metrics.recall`."""
        return metrics.recall(self.questions)

    @cached_property
    def ceiling(self) -> float | None:
        """See `metrics.ceiling`."""
        return metrics.ceiling(self.questions)
