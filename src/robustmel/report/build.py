"""A run's report: built once, shown in many ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robustmel.errors import MissingError
from robustmel.report.content import ReportContent
from robustmel.report.flags import examine
from robustmel.report.record import KEY
from robustmel.report.results import Run, read_run
from robustmel.report.scoring import Scoring
from robustmel.report.summary import Summary, summarise
from robustmel.report.tables import csv_json, latex, markdown, text
from robustmel.report.tables.layout import TASK_NAMES
from robustmel.report.tables.long import long_sheet
from robustmel.types import Cell

if TYPE_CHECKING:
    import pandas as pd

MOST_LINES = 12
"""Under the table on a terminal."""


def data_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a data frame.

    Raises:
        MissingError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise MissingError("pandas is not installed; a data frame needs it: pip install pandas.") from None
    return pd.DataFrame(rows)


@dataclass(frozen=True, repr=False)
class Report(ReportContent):
    """A report and its forms. Prints as its table; in a notebook it shows the table and some mentions that break.

    Args:
        intervals: Whether the main table has an interval below each figure; see `with_intervals`.
    """

    intervals: bool = field(default=False, compare=False)

    def text(self, width: int | None = None) -> str:
        """The main table for a terminal of `width` columns (None: ask it), with what matters most under it; then transfer."""
        main = text.render(self.table.sheet(self.every_note, self.intervals), width, MOST_LINES)
        return f"{main}\n{self.transfer.text(width)}" if self.transfer.tables else main

    def __str__(self) -> str:
        return self.text().rstrip("\n")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from robustmel.report.notebook import render

        return render(self)

    def to_pandas(self) -> pd.DataFrame:
        """One line a table row, with the fields of `Summary` as columns.

        Raises:
            MissingError: pandas is not installed.
        """
        return data_frame([summary.to_dict() for summary in self.summaries])

    def with_intervals(self) -> Report:
        """The same report with a 95 % interval below each figure of the main table, for text, Markdown and LaTeX."""
        return replace(self, intervals=True)

    def to_markdown(self) -> str:
        """The main table, the long one with intervals, and the notes; transfer matrices and norms below."""
        main = self.table.sheet(self.every_note, self.intervals, {task: task for task in TASK_NAMES})
        sheets = [markdown.render(main), markdown.render(long_sheet(self.summaries))]
        return "\n".join([*sheets, *(side.to_markdown() for side in (self.transfer, self.norms) if side.tables)])

    def to_latex(self) -> str:
        """The main table for a paper (booktabs) with a short caption, notes as comments; a table for each transfer matrix."""
        title = f"Accuracy in % of multimodal entity linkers under attack{', with 95 % intervals' if self.intervals else ''}"
        main = latex.render(replace(self.table.sheet(self.every_note, self.intervals), title=title))
        return f"{main}\n{self.transfer.to_latex()}" if self.transfer.tables else main

    def to_csv(self) -> str:
        """One line a summary."""
        head = [*KEY, *(field.name for field in fields(Summary) if field.name != "cell")]
        return csv_json.to_csv([summary.to_dict() for summary in self.summaries], head)

    def to_json(self) -> str:
        """One array of objects; equal rows give equal bytes."""
        return csv_json.to_json([summary.to_dict() for summary in self.summaries])

    def write_page(self) -> Path:
        """Writes `report/index.html` into the run folder, with the images it shows and `flags.json`; returns its path."""
        from robustmel.report.page import write_page

        return write_page(self, self.run.out / "report")


def build(out: Path, store_root: Path | None = None) -> Report:
    """Reads a run folder and summarises it.

    Raises:
        MissingError: The folder is no run, or artefacts are not in the store; the sentence names the cell.
    """
    return report_on(read_run(out, store_root))


def report_on(run: Run) -> Report:
    """Summarises a run that has been read, and looks for what speaks against its rows."""
    scoring = Scoring(run)
    summaries = summarise(scoring)
    examined = examine(scoring, summaries)
    codes: dict[Cell, list[str]] = {}
    for flag in (flag for kind in examined for flag in kind.flags):
        codes.setdefault(flag.cell, []).append(flag.code)
    return Report(run, tuple(replace(row, flags=_codes(row, codes)) for row in summaries), examined, scoring)


def _codes(row: Summary, codes: dict[Cell, list[str]]) -> tuple[str, ...]:
    """Of the flags that concern a row; a worst case is only in doubt where all its attacks are."""
    cells: Sequence[Cell] = [replace(row.cell, attack=attack) for attack in row.members] or [row.cell]
    first, *others = (codes.get(cell, []) for cell in cells)
    return tuple(dict.fromkeys(code for code in first if all(code in other for other in others)))
