"""A table of words and figures beside the main one, rendered like it: for a terminal, in Markdown, in LaTeX."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands in it, unescaped.

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
