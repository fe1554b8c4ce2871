"""A run's report: built once, shown in many ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from robustmel.report.comparisons import LEADS, compare, remarks
from robustmel.report.comparisons import sheets as comparison_sheets
from robustmel.report.flags import Examined, Flag, examine, verdict
from robustmel.report.norms import Curve, curves
from robustmel.report.norms import sheets as norm_sheets
from robustmel.report.notes import notes
from robustmel.report.results import Run, read_run
from robustmel.report.scoring import Scoring
from robustmel.report.slices import sheets as slice_sheets
from robustmel.report.slices import slices
from robustmel.report.summarise import summarise
from robustmel.report.summary import Summary
from robustmel.report.tables import csv, json, latex, markdown, text
from robustmel.report.tables.aside import Aside
from robustmel.report.tables.layout import Table, layout
from robustmel.report.transfer import Matrix, matrices
from robustmel.report.transfer import sheets as transfer_sheets


@dataclass(frozen=True)
class Report:
    """What is said about a run.

    Args:
        run: The run, read back.
        summaries: One a table row, worst cases over attacks last.
        examined: What was looked for that would speak against rows of it.
        scoring: What each mention earned; None makes it anew where it is needed.
    """

    run: Run
    summaries: tuple[Summary, ...]
    examined: tuple[Examined, ...] = ()
    scoring: Scoring | None = field(default=None, repr=False, compare=False)

    @cached_property
    def table(self) -> Table:
        """The main table."""
        return layout(self.summaries)

    @cached_property
    def flags(self) -> tuple[Flag, ...]:
        """What speaks against rows of the table."""
        return tuple(flag for one in self.examined for flag in one.flags)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Sentences that belong under the table."""
        told = [note for question in LEADS for note in remarks(compare(self._scoring, question), self.summaries)]
        return (*notes(self.summaries, self.run.notes), *told)

    @cached_property
    def _scoring(self) -> Scoring:
        return self.scoring or Scoring(self.run)

    def by(self, by: str) -> Aside:
        """Accuracy by a kind of mention: a key of `slices.BY`, or "popularity:100" for a threshold.

        Raises:
            UsageError: There is no such kind.
        """
        found = slices(self._scoring, by)
        return Aside(tuple(slice_sheets(found)), tuple(one.to_dict() for one in found))

    def compare(self, question: str) -> Aside:
        """The answer to one of `comparisons.QUESTIONS`.

        Raises:
            UsageError: There is no such question.
        """
        found = compare(self._scoring, question)
        return Aside(tuple(comparison_sheets(found)), tuple(one.to_dict() for one in found))

    @cached_property
    def transfer(self) -> Aside:
        """The transfer matrix of every attack that has several sources; no sheet where none has."""
        found = self._matrices
        return Aside(tuple(transfer_sheets(found)), tuple(one.to_dict() for matrix in found for one in matrix.cells.values()))

    @cached_property
    def norms(self) -> Aside:
        """How many mentions a change of at most a given length breaks, for attacks that seek short ones; else no sheet."""
        return Aside(tuple(norm_sheets(self._curves)), tuple(point for one in self._curves for point in one.records()))

    @cached_property
    def _matrices(self) -> list[Matrix]:
        return matrices(self._scoring)

    @cached_property
    def _curves(self) -> list[Curve]:
        return curves(self._scoring)

    def text(self, width: int | None = None) -> str:
        """The main table and its notes for a terminal of `width` columns (None: ask it); transfer matrices below."""
        main = text.render(self.table, [*self.notes, *verdict(self.examined)], width)
        return f"{main}\n{self.transfer.text(width)}" if self.transfer.sheets else main

    def markdown(self) -> str:
        """The main table, the long one with intervals, and the notes; transfer matrices and norms below."""
        main = markdown.render(self.table, self.summaries, [*self.notes, *verdict(self.examined)])
        return "\n".join([main, *(one.markdown() for one in (self.transfer, self.norms) if one.sheets)])

    def latex(self) -> str:
        """The main table for a paper (booktabs), and a table for each transfer matrix."""
        main = latex.render(self.table, [*self.notes, *verdict(self.examined)])
        return f"{main}\n{self.transfer.latex()}" if self.transfer.sheets else main

    def csv(self) -> str:
        """One line a summary."""
        return csv.render(self.summaries)

    def json(self) -> str:
        """One array of objects; equal rows give equal bytes."""
        return json.render(self.summaries)

    def write_page(self) -> Path:
        """Writes `report/index.html` into the run folder, with the images it shows and `flags.json`; returns its path."""
        from robustmel.report.page import Beside, sections, write_page

        own = notes(self.summaries, self.run.notes)  # comparisons have a part of the page to themselves
        beside = Beside(tuple(self._matrices), tuple(self._curves), tuple(sections(self._scoring, self.summaries)))
        return write_page(self.run, self.summaries, self.table, own, self.examined, self.run.out / "report", beside)


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
    raised = [flag for one in examined for flag in one.flags]
    return Report(run, tuple(replace(one, flags=_codes(one, raised)) for one in summaries), examined, scoring)


def _codes(row: Summary, raised: Sequence[Flag]) -> tuple[str, ...]:
    """Of the flags that concern a row; a worst case is only in doubt where all its attacks are."""
    if row.worst_case:
        found = [_codes(replace(row, attack=attack, members=()), raised) for attack in row.members]
        return tuple(code for code in found[0] if all(code in codes for codes in found))
    place = (row.dataset, row.task, row.linker, row.source, row.defence, row.attack)
    of = (one for one in raised if (one.dataset, one.task, one.linker, one.source, one.defence, one.attack) == place)
    return tuple(dict.fromkeys(one.code for one in of))
