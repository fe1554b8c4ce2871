"""The evidence for flags: a table row with its logs and the credit of each mention."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from robustmel.report.credit import Floats
from robustmel.report.flags.log_digest import DIGESTED, LogDigest, log_digest
from robustmel.report.record import unattacked
from robustmel.report.rows import Row, table_rows
from robustmel.report.scoring import Scoring
from robustmel.report.statistics import Clusters
from robustmel.report.summary import Summary
from robustmel.types import Cell

ANSWERED_BY = {"I2T": "image", "IT2T": "fused", "T2T": "text"}
"""Task -> the evaluation whose attack followed the score that the task is answered by."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """One row of the table: the seeds of a cell."""

    summary: Summary
    row: Row
    scoring: Scoring

    @property
    def victim(self) -> Cell:
        """Whom it is about, and on which task; the key of its clean row."""
        return unattacked(self.summary.cell)

    @cached_property
    def by_seed(self) -> Floats:
        """(S, n): what each mention earned."""
        return self.scoring.row(self.row).credit

    @property
    def credit(self) -> Floats:
        """(n,): what each mention earned, as a mean over the seeds."""
        credit: Floats = self.by_seed.mean(axis=0)
        return credit

    def least(self, seeds: int | None = None) -> Floats:
        """(n,): what each mention earned under the hardest of the first so many seeds; None for all."""
        credit: Floats = self.by_seed[:seeds].min(axis=0)
        return credit

    @property
    def clusters(self) -> Clusters:
        """(n,): which mentions belong together."""
        return self.scoring.clusters(self.row.first)

    @cached_property
    def logs(self) -> LogDigest:
        """What the logs of all its perturbed sets come to."""
        run = self.scoring.run
        return log_digest(run.log(cell, evaluation, DIGESTED) for cell in self.row.cells for evaluation in cell.evaluations)

    @cached_property
    def white_box(self) -> bool:
        """Whether the attack took gradients of the very score by which this victim answers."""
        summary = self.summary
        return summary.white_box and ANSWERED_BY[summary.task] in summary.evaluations and self.logs.stepped > 0

    def noted(self, name: str) -> set[bool]:
        """What the stage that asked the linker noted, over its row sets."""
        keys = [evaluation.answers for cell in self.row.cells for evaluation in cell.evaluations]
        values = [self.scoring.run.manifest("answers", key).get(name) for key in keys]
        return {value for value in values if isinstance(value, bool)}

    @property
    def control(self) -> bool:
        """Whether nobody was asked: noise and the like, not meant to break anything."""
        return self.summary.source == "none"

    @property
    def bound(self) -> float | None:
        """The largest change of a pixel that was allowed; see `Summary.radius`."""
        return self.summary.radius

    @cached_property
    def reach(self) -> float | None:
        """The bound, or where there is none the largest change that was made; None where nothing was perturbed."""
        return self.bound if self.bound is not None else self.logs.changed

    @property
    def runs(self) -> int:
        """Seeds under which something else was made or answered."""
        return len(np.unique(self.by_seed, axis=0))

    @property
    def label(self) -> str:
        """Task and attack, as sentences name a row."""
        return f"{self.summary.task} {self.summary.attack_on}"


def evidence(scoring: Scoring, summaries: Sequence[Summary]) -> list[Evidence]:
    """The rows that can be doubted: all but worst cases over attacks and what an attack leaves untouched."""
    rows = {row.cell: row for row in table_rows(scoring.run.cells)}
    return [
        Evidence(summary, rows[summary.cell], scoring)
        for summary in summaries
        if not summary.worst_case and not summary.untouched
    ]
