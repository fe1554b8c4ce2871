"""Scores each row set once and shares the result between cells, rows and flags."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from robustmel.report.credit import Credit, Ranks, gold_ranks, over_seeds, worst
from robustmel.report.questions import EntityFacts, Question, clusters
from robustmel.report.results import Evaluation, ResultCell, Run
from robustmel.report.rows import Row, clean_cells
from robustmel.report.statistics import Clusters
from robustmel.types import Task

Value = TypeVar("Value")


@dataclass
class Scoring:
    """The credit of mentions in a run."""

    run: Run

    def __post_init__(self) -> None:
        self._ranks: dict[str, Ranks] = {}
        self._known: dict[tuple[Callable[..., Any], str], Any] = {}
        self._entities: dict[str, dict[str, EntityFacts]] = {}

    def evaluation(self, cell: ResultCell, evaluation: Evaluation) -> Credit:
        """Of one evaluation of a cell; the answers to it are read once."""
        key = evaluation.answers
        if key not in self._ranks:
            self._ranks[key] = gold_ranks(self.run.questions(cell).column("gold"), self.run.answers(cell, evaluation))
        return Credit(((self._ranks[key],),))

    def cell(self, cell: ResultCell) -> Credit:
        """Of a cell: a mention must withstand all its evaluations."""
        return worst(self.evaluation(cell, evaluation) for evaluation in cell.evaluations)

    def row(self, row: Row) -> Credit:
        """Of a table row, seed by seed."""
        return over_seeds(worst(map(self.cell, group)) for group in row.by_seed)

    def row_against(self, row: Row, name: str) -> Credit | None:
        """Of a table row, in its evaluations of one name alone; None where some seed has none."""
        pairs = [[(cell, part) for cell in group for part in cell.evaluations if part.name == name] for group in row.by_seed]
        if not all(pairs):
            return None
        return over_seeds(worst(self.evaluation(*pair) for pair in seed) for seed in pairs)

    def clean(self, row: Row, task: Task | None = None) -> Credit | None:
        """What the same victim earned without an attack, seed by seed as in the row; None where the grid has no such cell."""
        cells = clean_cells(row, self.run.cells, task)
        return over_seeds(map(self.cell, cells)) if cells else None

    def clusters(self, cell: ResultCell) -> Clusters:
        """Which of the mentions behind a cell belong together."""
        return self.of_questions(clusters, cell)

    def of_questions(self, what: Callable[[Sequence[Question]], Value], cell: ResultCell) -> Value:
        """What is true of the questions behind a cell whoever answers them, found once."""
        key = (what, cell.candidates)
        if key not in self._known:
            self._known[key] = what(self.run.questions(cell))
        known: Value = self._known[key]
        return known

    def entities(self, cell: ResultCell) -> dict[str, EntityFacts]:
        """The knowledge base behind a cell, by id."""
        if cell.candidates not in self._entities:
            self._entities[cell.candidates] = self.run.entities(cell)
        return self._entities[cell.candidates]
