"""Tables beside the main one: transfer, comparisons, kinds of mention, norms; in every format of the main one."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from robustmel.report.sanitise import latex, markdown, visible
from robustmel.report.tables import csv, json
from robustmel.report.tables.markdown import pipes
from robustmel.report.tables.text import wrapped

HEADING = 20
"""Headings are wrapped to this width where the figures under them are narrower."""
NOTHING = "Nothing to show: the run has no such rows."


@dataclass(frozen=True, slots=True)
class SideTable:
    """A table of words and figures beside the main one, unescaped.

    Args:
        title: One line above it.
        headings: One a column.
        words: So many columns from the left hold words, the rest figures.
        lines: The cells, as many a line as there are headings.
        notes: Sentences under it.
    """

    title: str
    headings: tuple[str, ...]
    words: int
    lines: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SideTables:
    """What is shown beside the main table, in its formats.

    Args:
        tables: As people read it.
        records: The same figures and more for programs, one object a figure with its interval.
    """

    tables: tuple[SideTable, ...]
    records: tuple[Mapping[str, object], ...]

    def text(self, width: int | None = None) -> str:
        """For a terminal of `width` columns (None: ask it); what is too wide goes on below, with its row names."""
        room = width or shutil.get_terminal_size((120, 24)).columns
        return "\n\n".join(_text(table, room) for table in self.tables) + "\n" if self.tables else NOTHING + "\n"

    def to_markdown(self) -> str:
        """GitHub's pipes, each table under a heading."""
        parts = []
        for table in self.tables:
            notes = "".join(f"\n- {markdown(note)}" for note in table.notes)
            pipes_of = pipes(table.headings, table.lines, table.words)
            parts.append(f"### {markdown(table.title)}\n\n{pipes_of}\n{notes}".rstrip())
        return "\n\n".join(parts or [NOTHING]) + "\n"

    def to_latex(self) -> str:
        """A `table*` each; needs the package booktabs."""
        return "\n".join(map(_latex, self.tables)) if self.tables else f"% {NOTHING}\n"

    def to_csv(self) -> str:
        """One line a record."""
        return csv.records(self.records)

    def to_json(self) -> str:
        """An array of the records; equal rows give equal bytes."""
        return json.records(self.records)

    def __str__(self) -> str:
        return self.text().rstrip("\n")

    __repr__ = __str__


def _text(table: SideTable, room: int) -> str:
    cells = [[visible(cell) for cell in line] for line in table.lines]
    heads = [textwrap.wrap(visible(one), HEADING) or [""] for one in table.headings]
    widths = [
        max(*(len(part) for part in head), *(len(line[column]) for line in cells), 1) for column, head in enumerate(heads)
    ]
    blocks = []
    for columns in _blocks(table.words, widths, room):
        deep = max(len(heads[column]) for column in columns)
        stacked = [[""] * (deep - len(head)) + head for head in heads]
        top = [_line([head[level] for head in stacked], columns, widths, table.words) for level in range(deep)]
        body = [_line(line, columns, widths, table.words) for line in cells]
        rule = "─" * max(map(len, [*top, *body]))
        blocks.append("\n".join([rule, *top, rule, *body, rule]))
    return "\n".join([visible(table.title), "\n\n".join(blocks), *wrapped(table.notes, room)])


def _blocks(words: int, widths: Sequence[int], room: int) -> list[list[int]]:
    """Columns that stand side by side, each block beginning with those that hold words."""
    stub = list(range(words))
    found, used = [[*stub]], sum(widths[:words]) + 2 * (words - 1)
    start = used
    for column in range(words, len(widths)):
        if len(found[-1]) > words and used + 2 + widths[column] > room:
            found.append([*stub])
            used = start
        found[-1].append(column)
        used += 2 + widths[column]
    return found


def _line(cells: Sequence[str], columns: Sequence[int], widths: Sequence[int], words: int) -> str:
    placed = (cells[one].ljust(widths[one]) if one < words else cells[one].rjust(widths[one]) for one in columns)
    return "  ".join(placed).rstrip()


def _latex(table: SideTable) -> str:
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{table*}",
        "\\centering",
        "\\small",
        f"\\begin{{tabular}}{{{'l' * table.words + 'r' * (len(table.headings) - table.words)}}}",
        "\\toprule",
        " & ".join(latex(one) for one in table.headings) + " \\\\",
        "\\midrule",
        *(" & ".join(latex(cell) for cell in line) + " \\\\" for line in table.lines),
        "\\bottomrule",
        "\\end{tabular}",
        "\\caption{" + " ".join(latex(note) for note in (f"{table.title}.", *table.notes)) + "}",
        "\\end{table*}",
        "",
    ]
    return "\n".join(lines)
