"""Tables beside the main one: transfer, comparisons, kinds of mention, norms; in every format of the main one."""

from dataclasses import dataclass

from robustmel.report.tables import csv_json, latex, markdown, text
from robustmel.report.tables.sheet import Sheet

NOTHING = "Nothing to show: the run has no such rows."


@dataclass(frozen=True)
class SideTables:
    """What is shown beside the main table, in its formats.

    Args:
        tables: As people read it.
        records: The same figures and more for programs, one object a figure with its interval.
    """

    tables: tuple[Sheet, ...]
    records: csv_json.Records

    def text(self, width: int | None = None) -> str:
        """For a terminal of `width` columns (None: ask it); what is too wide goes on below, with its row names."""
        return "\n".join(text.render(table, width) for table in self.tables) or f"{NOTHING}\n"

    def to_markdown(self) -> str:
        """GitHub's pipes, each table under a heading."""
        return "\n".join(map(markdown.render, self.tables)) or f"{NOTHING}\n"

    def to_latex(self) -> str:
        """A `table*` each; needs the package booktabs."""
        return "\n".join(map(latex.render, self.tables)) or f"% {NOTHING}\n"

    def to_csv(self) -> str:
        """One line a record."""
        return csv_json.to_csv(self.records)

    def to_json(self) -> str:
        """An array of the records; equal rows give equal bytes."""
        return csv_json.to_json(self.records)

    def __str__(self) -> str:
        return self.text().rstrip("\n")

    __repr__ = __str__
