"""A table for a terminal."""

import shutil
import textwrap
from collections.abc import Sequence
from itertools import accumulate, groupby

from robustmel.report.sanitise import visible
from robustmel.report.tables.sheet import DAGGER, Sheet

NARROW, WIDE = 60, 110
"""Notes are wrapped between these widths."""
HEADING = 20
"""Headings are wrapped to this width where the figures under them are narrower."""


def render(sheet: Sheet, width: int | None = None, most: int | None = None) -> str:
    """The table with its title and notes; figures that find no room go on below, with their row's words.

    Args:
        sheet: What to show.
        width: Columns of the terminal; None asks it (120 where there is none to ask).
        most: So many lines of notes; None for all. The last one says where the rest stands.
    """
    width = width or shutil.get_terminal_size((120, 24)).columns
    blocks = ["\n".join(_grid(part)) for part in _parts(sheet, width)]
    blocks[0] = f"{visible(sheet.title)}\n{blocks[0]}" if sheet.title else blocks[0]
    notes = _within(_wrapped(sheet.notes, width), most)
    return "\n\n".join([*blocks, *(["\n".join(notes)] if notes else [])]) + "\n"


def _within(notes: Sequence[str], most: int | None) -> list[str]:
    """As many whole notes as fit."""
    sizes = list(accumulate(note.count("\n") + 1 for note in notes))
    if most is None or not sizes or sizes[-1] <= most:
        return list(notes)
    columns = max(1, sum(size < most for size in sizes))
    flags = sum(note.lstrip().startswith("Flag, ") for note in notes[columns:])
    of_these = f" ({flags} of them flags)" if flags else ""
    return [*notes[:columns], f"  {len(notes) - columns} more notes{of_these}: see the report page, or use --format markdown."]


def _wrapped(notes: Sequence[str], width: int) -> list[str]:
    room = min(max(width, NARROW), WIDE)
    return [textwrap.fill(visible(note), room, initial_indent="  ", subsequent_indent="  ") for note in notes]


def _parts(sheet: Sheet, width: int) -> list[Sheet]:
    """The table in blocks that fit; what shares a heading stays together where it can."""
    blocks: list[list[int]] = [[]]

    def fits(figures: list[int]) -> bool:
        return max(map(len, _grid(sheet.part(figures)))) <= width

    def place(figures: list[int], level: int) -> None:
        if fits(blocks[-1] + figures):
            blocks[-1] += figures
        elif level > len(sheet.above) or fits(figures):
            blocks.append(figures)
        else:
            for _, run in groupby(figures, lambda figure: [names[figure] for names in sheet.above[: level + 1]] or figure):
                place(list(run), level + 1)

    place(list(range(len(sheet.headings) - sheet.words)), 0)
    return [sheet.part(block) for block in blocks if block] or [sheet]


def _grid(sheet: Sheet) -> list[str]:
    if not sheet.lines:
        return ["(no cells)"]
    body = [(ends, [visible(cell) for cell in line]) for ends, line in sheet.printed_lines()]
    heads = [textwrap.wrap(visible(heading), HEADING) or [""] for heading in sheet.headings]
    deep = max(map(len, heads))
    stacked = [[""] * (deep - len(head)) + head for head in heads]
    rows = [[head[level] for head in stacked] for level in range(deep)] + [cells for _, cells in body]
    wide, gaps = _widths(sheet, rows), _gaps(sheet)
    blank = " " * (sum(wide[: sheet.words]) + 2 * (sheet.words - 1))
    above = [blank + _spanned(sheet.spans(level), wide[sheet.words :], gaps) for level in range(len(sheet.above))]
    top = [*above, *(_line(row, wide, gaps, sheet) for row in rows[:deep])]
    lines = [_line(row, wide, gaps, sheet) for row in rows[deep:]]
    rule = "─" * max(map(len, [*top, *lines]))
    spaced = [part for (ends, _), line in zip(body, lines, strict=True) for part in ([""] * ends + [line.rstrip()])]
    return [rule, *(line.rstrip() for line in top), rule, *spaced, rule]


def _gaps(sheet: Sheet) -> list[int]:
    """Blanks before each figure: none within a group of columns, more where a task begins; two where nothing stands above."""
    if not sheet.above:
        return [2] * (len(sheet.headings) - sheet.words)
    names = list(zip(*sheet.above, strict=True))
    return [
        2 if number == 0 or names[number - 1][0] != own[0] else int(names[number - 1] != own)
        for number, own in enumerate(names)
    ]


def _widths(sheet: Sheet, rows: Sequence[Sequence[str]]) -> list[int]:
    """Of each column: as wide as its cells and heading, and as the headings above it need."""
    wide = [max(1, *map(len, column)) for column in zip(*rows, strict=True)]
    gaps = [0] * sheet.words + _gaps(sheet)
    if sheet.above:
        wide[sheet.words :] = [max(4, width) for width in wide[sheet.words :]]
    for level in reversed(range(len(sheet.above))):
        start = sheet.words
        for name, count in sheet.spans(level):
            end = start + count
            room = sum(wide[start:end]) + count - 1 + sum(gaps[start + 1 : end])
            wide[end - 1] += max(0, len(visible(name)) - room)
            start = end
    return wide


def _line(cells: Sequence[str], wide: Sequence[int], gaps: Sequence[int], sheet: Sheet) -> str:
    """Words to the left, figures to the right; below headings of groups a dagger has a place of its own after the figure."""
    padded = [f"{cell} " if sheet.above and not cell.endswith(DAGGER) else cell for cell in cells[sheet.words :]]
    room = [width + bool(sheet.above) for width in wide[sheet.words :]]
    stub = "  ".join(cell.ljust(width) for cell, width in zip(cells[: sheet.words], wide, strict=False))
    return stub + "".join(" " * gap + cell.rjust(size) for gap, cell, size in zip(gaps, padded, room, strict=True))


def _spanned(spans: Sequence[tuple[str, int]], wide: Sequence[int], gaps: Sequence[int]) -> str:
    line, start = "", 0
    for name, count in spans:
        end = start + count
        line += " " * gaps[start] + visible(name).center(sum(wide[start:end]) + count - 1 + sum(gaps[start + 1 : end])) + " "
        start = end
    return line.rstrip()
