"""Row sets scored, each once, however many cells, rows and flags read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from robustmel.report import metrics
from robustmel.report.clusters import clusters
from robustmel.report.credit import Earned, earned, over_seeds
from robustmel.report.results import Cell, EntityFacts, Question, Run, View
from robustmel.report.rows import Row
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
        self._entities: dict[str, dict[str, EntityFacts]] = {}

    def view(self, cell: Cell, view: View) -> Earned:
        """Of one reading of a cell."""
        if view.rows not in self._earned:
            golds = [question.gold for question in self.run.questions(cell)]
            self._earned[view.rows] = earned(golds, self.run.predictions(cell, view))
        return self._earned[view.rows]

    def cell(self, cell: Cell) -> Earned:
        """Of a cell: a mention must withstand all its readings."""
        return worst([self.view(cell, view) for view in cell.views])

    def row(self, row: Row, view: str | None = None) -> Earned | None:
        """Of a table row, seed by seed; of its readings of one name alone where `view` is given, None where some cell has none."""
        seeds = [[(one, each) for one in group for each in one.views if view in (None, each.name)] for group in row.by_seed]
        if not all(seeds):
            return None
        return over_seeds([worst([self.view(*pair) for pair in pairs]) for pairs in seeds])

    def clean(self, row: Row, task: str | None = None) -> Earned | None:
        """What the same linker earned on clean images, seed by seed as in the row; None where the grid has no such cell.

        Args:
            row: Whose linker and defence.
            task: Another one than the row's.
        """
        asked = task or row.first.task
        peers = [
            one for one in self.run.cells
            if one.clean and one.task == asked and (one.dataset, one.linker, one.defence) == row.victim
        ]  # fmt: skip
        aligned = row.aligned(peers)
        return over_seeds([self.cell(one) for one in aligned]) if aligned else None

    def facts(self, cell: Cell) -> Facts:
        """Of the questions behind a cell."""
        return self._facts.setdefault(cell.candidates, Facts(self.run.questions(cell)))

    def entities(self, cell: Cell) -> dict[str, EntityFacts]:
        """The knowledge base behind a cell, by id."""
        if cell.candidates not in self._entities:
            self._entities[cell.candidates] = self.run.entities(cell)
        return self._entities[cell.candidates]


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
