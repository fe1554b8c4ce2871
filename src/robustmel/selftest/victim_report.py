"""A finished run, read through its report: what it says of a victim, and which mentions it counts as linked."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from robustmel.api import execute
from robustmel.report import Report, Summary
from robustmel.report.credit import Floats
from robustmel.report.results import ResultCell
from robustmel.report.scoring import Scoring
from robustmel.report.statistics import Clusters
from robustmel.run.grid import parse_grid
from robustmel.run.listener import ProgressListener
from robustmel.types import Task

Runner = Callable[[str, dict[str, Any]], Report]
"""Runs a grid under a name, and reports."""


@dataclass(frozen=True)
class VictimReport:
    """What a report says of one linker behind one defence, on one data set."""

    report: Report
    dataset: str
    linker: str
    defence: str = "none"
    task: Task = "I2T"

    @cached_property
    def _scoring(self) -> Scoring:
        return Scoring(self.report.run)

    def row(self, attack: str) -> Summary:
        """The report's row for an attack, or for "clean"."""
        return next(row for row in self._rows if row.attack == attack)

    def worst(self, level: int) -> Summary | None:
        """The report's worst case over the attacks at level/255; None where there are not two of them."""
        at_level = (row for row in self._rows if row.worst_case and (row.threat_model, row.budget) == ("linf", f"{level}/255"))
        return next(at_level, None)

    def cell(self, attack: str) -> ResultCell:
        """The cell of an attack."""
        return next(cell for cell in self.cells if cell.attack == attack)

    @cached_property
    def cells(self) -> list[ResultCell]:
        """All its cells, in the order of the grid."""
        mine = (self.dataset, self.linker, self.defence, self.task)
        return [cell for cell in self.report.run.cells if (cell.dataset, cell.linker, cell.defence, cell.task) == mine]

    def linked(self, cell: ResultCell) -> Floats:
        """(n,): the credit of each mention; 1 linked, 0 not, a fraction in a tie."""
        credit: Floats = self._scoring.cell(cell).credit[0]
        return credit

    @property
    def clusters(self) -> Clusters:
        """(n,): which mentions belong together."""
        return self._scoring.clusters(self.cells[0])

    def log(self, cell: ResultCell) -> list[dict[str, Any]]:
        """The attack's log, a row a mention; empty for clean images."""
        return list(self.report.run.log(cell, cell.evaluations[0]))

    def leads(self, cell: ResultCell) -> Floats:
        """(n,): the right entity's score less the best other one's, as answered; NaN where either is not ranked."""
        run, evaluation = self.report.run, cell.evaluations[0]
        leads = []
        for question, answer in zip(run.questions(cell), run.predictions(cell, evaluation), strict=True):
            scores = dict(zip(answer.ranked, answer.scores, strict=True))
            right = scores.pop(str(question.gold), np.nan)
            leads.append(right - max(scores.values(), default=np.nan))
        return np.array(leads, dtype=np.float64)

    @cached_property
    def flags(self) -> dict[str, list[str]]:
        """Code -> the attacks it was raised on."""
        raised: dict[str, list[str]] = {}
        for flag in self.report.flags:
            if (flag.dataset, flag.linker, flag.defence) == (self.dataset, self.linker, self.defence):
                raised.setdefault(flag.code, []).append(flag.attack)
        return raised

    @cached_property
    def _rows(self) -> list[Summary]:
        mine = (self.dataset, self.linker, self.defence, self.task)
        return [row for row in self.report.summaries if (row.dataset, row.linker, row.defence, row.task) == mine]


def runner(folder: Path, workers: int, listener: ProgressListener, pages: bool = False) -> Runner:
    """Runs grids into one folder with one fresh store, on the processor."""

    def run(name: str, table: dict[str, Any]) -> Report:
        grid = parse_grid({"tasks": ["I2T"], "batch_size": 50, **table}, "the selftest")
        return execute(grid, folder / name, folder / "store", workers, "cpu", listener, pages).report

    return run
