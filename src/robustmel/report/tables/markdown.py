"""The tables in Markdown (GitHub's pipes)."""

from __future__ import annotations

from collections.abc import Sequence

from robustmel.report.sanitise import markdown
from robustmel.report.summary import Summary
from robustmel.report.tables.layout import Table, figure
from robustmel.report.tables.long import HEADINGS, TEXT_COLUMNS, lines


def render(table: Table, summaries: Sequence[Summary], notes: Sequence[str]) -> str:
    """The main table, its notes, and the long table. Markdown has one heading line, so group and setting share it."""
    headings = list(table.headings)
    for column in table.columns:
        task = "" if column.task == column.group else column.task
        headings.append(" ".join(part for part in (task, column.group, column.label) if part))
    body = [[*row.words, *(figure(cell) for cell in row.cells)] for row in table.rows]
    remarks = "\n".join(f"- {markdown(note)}" for note in notes)
    return "\n".join(
        [pipes(headings, body, len(table.headings)), "", remarks, "", pipes(HEADINGS, lines(summaries), TEXT_COLUMNS), ""]
    )


def pipes(headings: Sequence[str], body: Sequence[Sequence[str]], words: int) -> str:
    """A table; the first `words` columns are left-aligned."""
    rule = [":--" if index < words else "--:" for index in range(len(headings))]
    rows = [[markdown(cell) for cell in row] for row in (headings, *body)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (rows[0], rule, *rows[1:]))
