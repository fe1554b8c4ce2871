"""A run's report: built once, shown in many ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from robustmel.errors import MissingError, UsageError
from robustmel.registry import suggestion
from robustmel.report import side_tables
from robustmel.report.comparisons import LEADS, Comparison, compare, remarks
from robustmel.report.flags import Examined, Flag, examine, verdict
from robustmel.report.norms import Curve, curves
from robustmel.report.notes import further_notes, leading_notes
from robustmel.report.results import Run, read_run
from robustmel.report.rows import Row, table_rows
from robustmel.report.scoring import Scoring
from robustmel.report.slices import slices
from robustmel.report.summarise import summarise
from robustmel.report.summary import Summary
from robustmel.report.tables import csv, json, latex, markdown, text
from robustmel.report.tables.layout import Table, layout
from robustmel.report.tables.side_table import SideTables
from robustmel.report.transfer import Matrix, matrices
from robustmel.types import Cell

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Report:
    """What is said about a run. Prints as its table; in a notebook it shows the table and some mentions that break.

    Args:
        run: The run, read back.
        summaries: One a table row, worst cases over attacks last.
        examined: What was looked for that would speak against rows of it.
        scoring: What each mention earned.
        selected: (field of `Cell`, allowed values) pairs that everything shown satisfies.
    """

    run: Run
    summaries: tuple[Summary, ...]
    examined: tuple[Examined, ...]
    scoring: Scoring
    selected: tuple[tuple[str, tuple[object, ...]], ...] = field(default=(), compare=False)

    @cached_property
    def table(self) -> Table:
        """The main table."""
        return layout(self.summaries)

    @cached_property
    def flags(self) -> tuple[Flag, ...]:
        """What speaks against rows of the table."""
        return tuple(flag for examined in self.examined for flag in examined.flags)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Sentences that belong under the table, flags left out."""
        return (*leading_notes(self.summaries), *self._further)

    @cached_property
    def _further(self) -> tuple[str, ...]:
        answers = [note for question in LEADS for note in remarks(self._compared(question), self.summaries)]
        return (*further_notes(self.summaries), *self.run.notes, *answers)

    @cached_property
    def _every_note(self) -> tuple[str, ...]:
        """Numbers of mentions, errors and flags first."""
        return (*leading_notes(self.summaries), *verdict(self.examined), *self._further)

    def select(self, **wanted: object) -> Report:
        """The part of the report about some cells: `select(linker="clip-world", task=["I2T", "IT2T"])`.

        Args:
            wanted: Fields of `robustmel.types.Cell`, each with a value or a list of values.

        Raises:
            UsageError: A cell has no such field.
        """
        known = dict.fromkeys(part.name for part in fields(Cell) if part.name != "seed")
        for name in wanted:
            if name not in known:
                raise UsageError(f'rows cannot be selected by "{name}". {suggestion(name, known)}')
        pairs = tuple(
            (name, tuple(value) if isinstance(value, list | tuple | set) else (value,)) for name, value in wanted.items()
        )
        part = replace(self, selected=(*self.selected, *pairs))
        summaries = tuple(summary for summary in self.summaries if part.holds(summary.cell))
        examined = tuple(
            replace(one, flags=tuple(flag for flag in one.flags if part.holds(flag.cell))) for one in self.examined
        )
        return replace(part, summaries=summaries, examined=examined)

    def holds(self, cell: Cell) -> bool:
        """Whether a cell is among the selected ones."""
        return all(getattr(cell, name) in values for name, values in self.selected)

    @cached_property
    def _rows(self) -> list[Row]:
        return [row for row in table_rows(self.run.cells) if self.holds(row.cell)]

    def by(self, by: str) -> SideTables:
        """Accuracy by a kind of mention: a key of `slices.BY`, or "popularity:100" for a threshold.

        Raises:
            UsageError: There is no such kind.
        """
        parts = slices(self.scoring, by, self._rows)
        return SideTables(tuple(side_tables.by_kind(parts)), tuple(part.to_dict() for part in parts))

    def compare(self, question: str) -> SideTables:
        """The answer to one of `comparisons.QUESTIONS`: "context", "defence" or "linker".

        Raises:
            UsageError: There is no such question.
        """
        compared = self._compared(question)
        return SideTables(tuple(side_tables.comparisons(compared)), tuple(one.to_dict() for one in compared))

    def _compared(self, question: str) -> list[Comparison]:
        return [comparison for comparison in compare(self.scoring, question) if self.holds(comparison.cell)]

    @cached_property
    def transfer(self) -> SideTables:
        """The transfer matrix of every attack that has several sources; no table where none has."""
        records = tuple(cell.to_dict() for matrix in self.matrices for cell in matrix.cells.values())
        return SideTables(tuple(side_tables.transfer(self.matrices)), records)

    @cached_property
    def norms(self) -> SideTables:
        """How many mentions a change of at most a given length breaks, for attacks that seek short ones; else no table."""
        return SideTables(tuple(side_tables.norms(self.curves)), tuple(point for one in self.curves for point in one.records()))

    @cached_property
    def matrices(self) -> list[Matrix]:
        """Those of `transfer`."""
        return matrices(self.scoring, self._rows)

    @cached_property
    def curves(self) -> list[Curve]:
        """Those of `norms`."""
        return curves(self.scoring, self._rows)

    def text(self, width: int | None = None) -> str:
        """The main table for a terminal of `width` columns (None: ask it), with what matters most under it; then transfer."""
        main = text.render(self.table, self._every_note, width)
        return f"{main}\n{self.transfer.text(width)}" if self.transfer.tables else main

    def __str__(self) -> str:
        return self.text().rstrip("\n")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from robustmel.report.notebook import render

        return render(self)

    def to_pandas(self) -> pd.DataFrame:
        """One line a table row, with the columns of docs/report-columns.md.

        Raises:
            MissingError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise MissingError("pandas is not installed; a data frame needs it: pip install pandas.") from None
        return pd.DataFrame([summary.to_dict() for summary in self.summaries])

    def to_markdown(self) -> str:
        """The main table, the long one with intervals, and the notes; transfer matrices and norms below."""
        main = markdown.render(self.table, self.summaries, self._every_note)
        return "\n".join([main, *(side.to_markdown() for side in (self.transfer, self.norms) if side.tables)])

    def to_latex(self) -> str:
        """The main table for a paper (booktabs), and a table for each transfer matrix."""
        main = latex.render(self.table, self._every_note)
        return f"{main}\n{self.transfer.to_latex()}" if self.transfer.tables else main

    def to_csv(self) -> str:
        """One line a summary."""
        return csv.render(self.summaries)

    def to_json(self) -> str:
        """One array of objects; equal rows give equal bytes."""
        return json.render(self.summaries)

    def write_page(self) -> Path:
        """Writes `report/index.html` into the run folder, with the images it shows and `flags.json`; returns its path."""
        from robustmel.report.page import write_page

        return write_page(self, self.run.out / "report")


def build(out: Path, store_root: Path | None = None) -> Report:
    """Reads a run folder and summarises it.

    Args:
        out: The run folder, with its `run.json`.
        store_root: Where the artefacts are; None takes what the run folder says.

    Raises:
        MissingError: The folder is no run, or artefacts are not in the store; the sentence names the cell.
    """
    return report_on(read_run(out, store_root))


def report_on(run: Run) -> Report:
    """Summarises a run that has been read, and looks for what speaks against its rows."""
    scoring = Scoring(run)
    summaries = summarise(run, scoring)
    examined = examine(scoring, summaries)
    codes: dict[Cell, list[str]] = {}
    for flag in (flag for one in examined for flag in one.flags):
        codes.setdefault(flag.cell, []).append(flag.code)
    return Report(run, tuple(replace(one, flags=_codes(one, codes)) for one in summaries), examined, scoring)


def _codes(row: Summary, codes: dict[Cell, list[str]]) -> tuple[str, ...]:
    """Of the flags that concern a row; a worst case is only in doubt where all its attacks are."""
    cells: Sequence[Cell] = [replace(row.cell, attack=attack) for attack in row.members] or [row.cell]
    first, *others = (codes.get(cell, []) for cell in cells)
    return tuple(dict.fromkeys(code for code in first if all(code in other for other in others)))
