"""Something shown beside the main table, in the formats of the main table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from robustmel.report.tables import csv, json, sheets
from robustmel.report.tables.sheet import Sheet


@dataclass(frozen=True)
class Aside:
    """Sheets for readers, records for programs.

    Args:
        sheets: As people read it.
        records: The same figures and more, one object a figure with its interval.
    """

    sheets: tuple[Sheet, ...]
    records: tuple[Mapping[str, object], ...]

    def text(self, width: int | None = None) -> str:
        """For a terminal of `width` columns (None: ask it)."""
        return sheets.as_text(self.sheets, width)

    def markdown(self) -> str:
        """A heading and a table a sheet."""
        return sheets.as_markdown(self.sheets)

    def latex(self) -> str:
        """A floating table a sheet (booktabs)."""
        return sheets.as_latex(self.sheets)

    def csv(self) -> str:
        """One line a record."""
        return csv.records(self.records)

    def json(self) -> str:
        """An array of the records; equal rows give equal bytes."""
        return json.records(self.records)
