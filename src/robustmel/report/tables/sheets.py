"""Sheets for a terminal, in Markdown and in LaTeX."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

from robustmel.report.sanitise import latex, markdown, visible
from robustmel.report.tables.markdown import pipes
from robustmel.report.tables.sheet import Sheet
from robustmel.report.tables.text import wrapped

HEADING = 20
"""Headings are wrapped to this width where the figures under them are narrower."""
NOTHING = "Nothing to show: the run has no such rows."


def as_text(sheets: Sequence[Sheet], width: int | None = None) -> str:
    """For a terminal of `width` columns (None: ask it); what is too wide goes on below, with its row names."""
    room = width or shutil.get_terminal_size((120, 24)).columns
    return "\n\n".join(_text(one, room) for one in sheets) + "\n" if sheets else NOTHING + "\n"


def as_markdown(sheets: Sequence[Sheet]) -> str:
    """GitHub's pipes, each sheet under a heading."""
    parts = []
    for one in sheets:
        notes = "".join(f"\n- {markdown(note)}" for note in one.notes)
        parts.append(f"### {markdown(one.title)}\n\n{pipes(one.headings, one.lines, one.words)}\n{notes}".rstrip())
    return "\n\n".join(parts or [NOTHING]) + "\n"


def as_latex(sheets: Sequence[Sheet]) -> str:
    """One `table*` a sheet; needs the package booktabs."""
    return "\n".join(map(_latex, sheets)) if sheets else f"% {NOTHING}\n"


def _text(sheet: Sheet, room: int) -> str:
    cells = [[visible(cell) for cell in line] for line in sheet.lines]
    heads = [textwrap.wrap(visible(one), HEADING) or [""] for one in sheet.headings]
    widths = [
        max(*(len(part) for part in head), *(len(line[column]) for line in cells), 1) for column, head in enumerate(heads)
    ]
    blocks = []
    for columns in _blocks(sheet.words, widths, room):
        deep = max(len(heads[column]) for column in columns)
        stacked = [[""] * (deep - len(head)) + head for head in heads]
        top = [_line([head[level] for head in stacked], columns, widths, sheet.words) for level in range(deep)]
        body = [_line(line, columns, widths, sheet.words) for line in cells]
        rule = "─" * max(map(len, [*top, *body]))
        blocks.append("\n".join([rule, *top, rule, *body, rule]))
    return "\n".join([visible(sheet.title), "\n\n".join(blocks), *wrapped(sheet.notes, room)])


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


def _latex(sheet: Sheet) -> str:
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{table*}",
        "\\centering",
        "\\small",
        f"\\begin{{tabular}}{{{'l' * sheet.words + 'r' * (len(sheet.headings) - sheet.words)}}}",
        "\\toprule",
        " & ".join(latex(one) for one in sheet.headings) + " \\\\",
        "\\midrule",
        *(" & ".join(latex(cell) for cell in line) + " \\\\" for line in sheet.lines),
        "\\bottomrule",
        "\\end{tabular}",
        "\\caption{" + " ".join(latex(note) for note in (f"{sheet.title}.", *sheet.notes)) + "}",
        "\\end{table*}",
        "",
    ]
    return "\n".join(lines)
