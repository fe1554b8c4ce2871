"""What a report says: its rows, its notes, and the tables beside the main one."""

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Self

from robustmel.errors import UsageError
from robustmel.registry import suggestion
from robustmel.report import side_tables
from robustmel.report.comparisons import QUESTIONS, Comparison, by_poisoned_demos, compare, memory_remarks, remarks
from robustmel.report.flags import Examination, Flag, verdict
from robustmel.report.norms import Curve, curves
from robustmel.report.notes import further_notes, leading_notes, misordered_notes, trained_once
from robustmel.report.results import Run
from robustmel.report.rows import Row, table_rows
from robustmel.report.scoring import Scoring
from robustmel.report.side_tables import SideTables
from robustmel.report.slices import POISONED_DEMOS, slices
from robustmel.report.summary import Summary
from robustmel.report.tables.layout import Table, layout
from robustmel.report.transfer import Matrix, matrices
from robustmel.types import Cell


@dataclass(frozen=True, repr=False)
class ReportContent:
    """What is said about a run, in whatever form it is shown.

    Args:
        run: The run, read back.
        summaries: One a table row, worst cases over attacks last.
        examined: What was looked for that would speak against rows of it.
        scoring: What each mention earned.
        selected: (field of `Cell`, allowed values) pairs that everything shown satisfies.
    """

    run: Run
    summaries: tuple[Summary, ...]
    examined: tuple[Examination, ...]
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
        return (*self._leading, *self._further)

    @cached_property
    def _leading(self) -> tuple[str, ...]:
        return (*leading_notes(self.summaries), *misordered_notes(self.run))

    @cached_property
    def _further(self) -> tuple[str, ...]:
        asked = [question for question, words in QUESTIONS.items() if words.note_figures]
        answers = [note for question in asked for note in remarks(self._compared(question), self.summaries)]
        memory = memory_remarks(self._compared("names"))
        once = trained_once(self.run, self.summaries)
        return (*further_notes(self.summaries), *once, *self.run.notes, *memory, *answers)

    @cached_property
    def every_note(self) -> tuple[str, ...]:
        """Numbers of mentions, errors and flags first."""
        return (*self._leading, *verdict(self.examined), *self._further)

    def failing(self) -> int:
        """Mentions without an answer in some cell, or on which some attack failed; each counts once, in however many cells."""
        mentions: set[tuple[str, str]] = set()
        for cell in self.run.cells:
            asked = self.run.questions(cell)
            mentions |= {(cell.candidates, asked[number].id) for number, _ in self.scoring.cell(cell).failures}
            for evaluation in cell.evaluations:
                log = self.run.log(cell, evaluation, ("status",))
                mentions |= {(cell.candidates, row["id"]) for row in log if str(row["status"]).startswith("error:")}
        return len(mentions)

    def select(self, **cells: object) -> Self:
        """The part of the report about some cells: `select(linker="clip-world", task=["I2T", "IT2T"])`.

        Args:
            cells: Fields of `robustmel.types.Cell`, each with a value or a list of values.

        Raises:
            UsageError: A cell has no such field.
        """
        selectable = dict.fromkeys(part.name for part in fields(Cell) if part.compare and part.name != "seed")
        for name in cells:
            if name not in selectable:
                raise UsageError(f'rows cannot be selected by "{name}". {suggestion(name, selectable)}')
        pairs = tuple(
            (name, tuple(value) if isinstance(value, list | tuple | set) else (value,)) for name, value in cells.items()
        )
        part = replace(self, selected=(*self.selected, *pairs))
        summaries = tuple(summary for summary in self.summaries if part.holds(summary.cell))
        examined = tuple(
            replace(kind, flags=tuple(flag for flag in kind.flags if part.holds(flag.cell))) for kind in self.examined
        )
        return replace(part, summaries=summaries, examined=examined)

    def holds(self, cell: Cell) -> bool:
        """Whether a cell is among the selected ones."""
        return all(getattr(cell, name) in values for name, values in self.selected)

    @cached_property
    def _rows(self) -> list[Row]:
        return [row for row in table_rows(self.run.cells) if self.holds(row.cell)]

    def by(self, by: str) -> SideTables:
        """Accuracy by a kind of mention: a key of `slices.BY`, or "popularity:100" for a threshold; or "poisoned-demos".

        Raises:
            UsageError: There is no such kind, or the answers do not tell.
        """
        if by == POISONED_DEMOS:
            groups = [group for group in by_poisoned_demos(self.scoring) if self.holds(group.cell)]
            return SideTables(tuple(side_tables.poisoned_demos(groups)), tuple(group.to_dict() for group in groups))
        parts = slices(self.scoring, by, self._rows)
        return SideTables(tuple(side_tables.by_kind(parts)), tuple(part.to_dict() for part in parts))

    def compare(self, question: str) -> SideTables:
        """The answer to one of `QUESTIONS`: "context", "defence", "linker", "names" or "poison".

        Raises:
            UsageError: There is no such question.
        """
        compared = self._compared(question)
        once = trained_once(self.run, self.summaries) if question in ("linker", "poison") else []
        return SideTables(
            tuple(side_tables.comparisons(compared, once)), tuple(comparison.to_dict() for comparison in compared)
        )

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
        return SideTables(
            tuple(side_tables.norms(self.curves)), tuple(point for curve in self.curves for point in curve.records())
        )

    @cached_property
    def matrices(self) -> list[Matrix]:
        """Those of `transfer`."""
        return matrices(self.scoring, self._rows)

    @cached_property
    def curves(self) -> list[Curve]:
        """Those of `norms`."""
        return curves(self.scoring, self._rows)
