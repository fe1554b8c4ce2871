"""The main table for a terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from itertools import accumulate, pairwise

from robustmel.report.sanitise import visible
from robustmel.report.tables.layout import DAGGER, TASK_NAMES, Table, figure

NARROW, WIDE = 60, 110
"""Notes are wrapped between these widths."""


def render(table: Table, notes: Sequence[str], width: int | None = None, most: int | None = None) -> str:
    """The table with its notes; the tasks side by side where `width` columns allow it, else below one another.

    Args:
        table: What to show.
        notes: Sentences under it.
        width: Columns of the terminal; None asks it (120 where there is none to ask).
        most: So many lines of notes; None for all. The last one says where the rest stands.
    """
    width = width or shutil.get_terminal_size((120, 24)).columns
    blocks = [_grid(table)]
    if max(len(line) for line in blocks[0]) > width:
        parts = [table.of_tasks("I2T"), table.of_tasks("IT2T", "T2T")]
        blocks = [_grid(part) for part in parts if part.columns]
    lines = "\n\n".join("\n".join(block) for block in blocks)
    return lines + "\n\n" + "\n".join(_within(wrapped(notes, width), most)) + "\n"


def _within(notes: Sequence[str], most: int | None) -> list[str]:
    """As many whole notes as fit."""
    sizes = list(accumulate(note.count("\n") + 1 for note in notes))
    if most is None or not sizes or sizes[-1] <= most:
        return list(notes)
    kept = max(1, sum(size < most for size in sizes))
    flags = sum(note.lstrip().startswith("Flag, ") for note in notes[kept:])
    of_these = f" ({flags} of them flags)" if flags else ""
    return [*notes[:kept], f"  {len(notes) - kept} more notes{of_these}: see the report page, or use --format markdown."]


def wrapped(notes: Sequence[str], width: int) -> list[str]:
    """Each note as lines of at most `width`, indented."""
    room = min(max(width, NARROW), WIDE)
    return [textwrap.fill(visible(note), room, initial_indent="  ", subsequent_indent="  ") for note in notes]


def _grid(table: Table) -> list[str]:
    if not table.rows:
        return ["(no cells)"]
    stubs = [[visible(word) for word in row.words] for row in table.rows]
    wide = [max(map(len, column)) for column in zip(table.headings, *stubs, strict=True)]
    body = [[figure(cell) for cell in row.cells] for row in table.rows]
    widths = _widths(table, body)
    blank = " " * (sum(wide) + 2 * (len(wide) - 1))
    lines = [
        blank + _spanned(table, widths, [(TASK_NAMES[task], count) for task, count in table.tasks()]),
        blank + _spanned(table, widths, [(visible(name), count) for name, count in table.groups()]),
        _stub(table.headings, wide) + _line(table, widths, [visible(column.label) for column in table.columns]),
    ]
    rule = "─" * max(len(line) for line in [*(line.rstrip() for line in lines), blank + _line(table, widths, body[0])])
    for (before, words), cells in zip(pairwise([None, *stubs]), body, strict=True):
        assert words is not None
        same = before is not None and before[0] == words[0]
        lines += [""] * (before is not None and not same)
        lines.append(_stub(["" if same else words[0], *words[1:]], wide) + _line(table, widths, cells))
    lines = [line.rstrip() for line in lines]
    return [rule, *lines[:3], rule, *lines[3:], rule]


def _stub(words: Sequence[str], wide: Sequence[int]) -> str:
    return "  ".join(word.ljust(width) for word, width in zip(words, wide, strict=True))


def _gaps(table: Table) -> list[int]:
    """Blanks before each column, beside the place of the dagger: none within an attack, more where a task begins."""
    columns = [None, *table.columns]
    gaps = []
    for before, column in pairwise(columns):
        assert column is not None
        gaps.append(2 if before is None or before.task != column.task else int(before.group != column.group))
    return gaps


def _widths(table: Table, body: Sequence[Sequence[str]]) -> list[int]:
    """Of each column: as wide as its figures and heading, and as its group's and task's headings need."""
    widths = [
        max(4, len(visible(column.label)), *(len(row[index]) for row in body)) for index, column in enumerate(table.columns)
    ]
    gaps = _gaps(table)
    for spans in (table.groups(), [(TASK_NAMES[task], count) for task, count in table.tasks()]):
        start = 0
        for name, count in spans:
            room = sum(widths[start : start + count]) + count - 1 + sum(gaps[start + 1 : start + count])
            widths[start + count - 1] += max(0, len(visible(name)) - room)
            start += count
    return widths


def _line(table: Table, widths: Sequence[int], cells: Sequence[str]) -> str:
    """Figures aligned at the decimal point: a dagger takes the place after it."""
    padded = [
        (cell if cell.endswith(DAGGER) else cell + " ").rjust(width + 1) for width, cell in zip(widths, cells, strict=True)
    ]
    return "".join(" " * gap + cell for gap, cell in zip(_gaps(table), padded, strict=True))


def _spanned(table: Table, widths: Sequence[int], spans: Sequence[tuple[str, int]]) -> str:
    gaps, line, start = _gaps(table), "", 0
    for name, count in spans:
        room = sum(widths[start : start + count]) + count - 1 + sum(gaps[start + 1 : start + count])
        line += " " * gaps[start] + name.center(room) + " "
        start += count
    return line
