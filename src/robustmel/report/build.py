"""A run's report: built once, shown in many ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from robustmel.report.comparisons import LEADS, compare, remarks
from robustmel.report.comparisons import sheets as comparison_sheets
from robustmel.report.flags import Examined, Flag, examine, verdict
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
        compared = [one for question in LEADS for one in compare(self._scoring, question)]
        return (*notes(self.summaries, self.run.notes), *remarks(compared, self.summaries))

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

    def text(self, width: int | None = None) -> str:
        """The main table and its notes for a terminal of `width` columns (None: ask it)."""
        return text.render(self.table, [*self.notes, *verdict(self.examined)], width)

    def markdown(self) -> str:
        """The main table, the long one with intervals, and the notes."""
        return markdown.render(self.table, self.summaries, [*self.notes, *verdict(self.examined)])

    def latex(self) -> str:
        """The main table for a paper (booktabs)."""
        return latex.render(self.table, [*self.notes, *verdict(self.examined)])

    def csv(self) -> str:
        """One line a summary."""
        return csv.render(self.summaries)

    def json(self) -> str:
        """One array of objects; equal rows give equal bytes."""
        return json.render(self.summaries)

    def write_page(self) -> Path:
        """Writes `report/index.html` into the run folder, with the images it shows and `flags.json`; returns its path."""
        from robustmel.report.page import write_page

        return write_page(self.run, self.summaries, self.table, self.notes, self.examined, self.run.out / "report")


def build(out: Path, store_root: Path | None = None) -> Report:
    """Reads a run folder and summarises it.

    Args:
        out: The run folder, with its `run.json`.
        store_root: Where the artefacts are; None takes what the run folder says.

    Raises:
        MissingError: The folder is no run, or artefacts are not in the store; the sentence names the cell.
    """
    run = read_run(out, store_root)
    scoring = Scoring(run)
    summaries = summarise(run, scoring)
    examined = examine(scoring, summaries)
    raised = [flag for one in examined for flag in one.flags]
    return Report(run, tuple(replace(one, flags=_codes(one, raised)) for one in summaries), examined, scoring)


def _codes(row: Summary, raised: Sequence[Flag]) -> tuple[str, ...]:
    """Of the flags that concern a row."""
    place = (row.dataset, row.task, row.linker, row.source, row.defence, row.attack)
    of = (one for one in raised if (one.dataset, one.task, one.linker, one.source, one.defence, one.attack) == place)
    return tuple(dict.fromkeys(one.code for one in of))
