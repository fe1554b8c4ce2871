"""A table of words and figures, as it stands before it is written in some format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

DAGGER = "†"
"""Follows a figure without moving it: figures stay aligned at the decimal point."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table, unescaped.

    Args:
        headings: One a column.
        words: So many columns from the left hold words, the rest figures.
        lines: The cells, as many a line as there are headings. What follows a line feed in a cell stands below or behind its figure.
        title: One line above the table.
        notes: Sentences under it.
        above: Levels of headings above those of the figures, from the top: a name for each figure; equal neighbours share one.
        grouped: Whether neighbours with the same first word belong together.
    """

    headings: tuple[str, ...]
    words: int
    lines: tuple[tuple[str, ...], ...]
    title: str = ""
    notes: tuple[str, ...] = ()
    above: tuple[tuple[str, ...], ...] = ()
    grouped: bool = False

    def spans(self, level: int) -> list[tuple[str, int]]:
        """The headings of a level with the number of figures under each; none goes beyond one of the level above it."""
        runs = groupby(zip(*self.above[: level + 1], strict=True))
        return [(names[-1], len(list(run))) for names, run in runs]

    def part(self, figures: Sequence[int]) -> Sheet:
        """All words and some of the figures, numbered from 0."""

        def chosen(cells: Sequence[str], start: int) -> tuple[str, ...]:
            return (*cells[:start], *(cells[start + number] for number in figures))

        return replace(
            self,
            headings=chosen(self.headings, self.words),
            lines=tuple(chosen(line, self.words) for line in self.lines),
            above=tuple(chosen(level, 0) for level in self.above),
        )

    def printed_lines(self) -> list[tuple[bool, tuple[str, ...]]]:
        """The lines as they are printed: whether a group ends before the line, and its cells, a repeated first word left out."""
        if not self.grouped:
            return [(False, line) for line in self.lines]
        pairs = pairwise([None, *self.lines])
        same = [before is not None and line is not None and before[0] == line[0] for before, line in pairs]
        return [
            (number > 0 and not repeated, ("", *line[1:]) if repeated else line)
            for number, (repeated, line) in enumerate(zip(same, self.lines, strict=True))
        ]
