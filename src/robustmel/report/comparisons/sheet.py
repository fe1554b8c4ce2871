"""Comparisons as a table: a line a pair of rows, a column a figure."""

from __future__ import annotations

from collections.abc import Sequence

from robustmel.report.comparisons.comparison import Comparison, points
from robustmel.report.comparisons.questions import QUESTIONS
from robustmel.report.statistics import MARGIN
from robustmel.report.tables.layout import linker_label
from robustmel.report.tables.sheet import Sheet

MARKS = {"more": "*", "less": "*", "none": "=", "undecided": ""}
LEGEND = (
    "Differences in points with 95 % intervals, the same mentions on both sides. *: beyond chance; =: none, within"
    f" {100 * MARGIN:.0f} points (two one-sided tests at 5 %); unmarked: undecided."
)
WORDS = {
    "context": ("data set", "linker", "attack"),
    "defence": ("data set", "task", "linker", "attack"),
    "linker": ("data set", "task", "linker", "against", "attack"),
}


def sheets(found: Sequence[Comparison]) -> list[Sheet]:
    """One table, or none where there is nothing to compare; figures that no line has are left out."""
    if not found:
        return []
    question = QUESTIONS[found[0].question]
    present = {one.figure for one in found}
    figures = [one for one in question.figures if one.key in present]
    lines: dict[tuple[str, ...], dict[str, Comparison]] = {}
    for one in found:
        lines.setdefault(one.subject, {})[one.figure] = one
    defences = len({one.defence for one in found} - {"none"})
    words = WORDS[found[0].question]
    body = [
        (
            *map(_words(next(iter(line.values())), defences).__getitem__, words),
            *(cell(line[one.key]) if one.key in line else "" for one in figures),
        )
        for line in lines.values()
    ]
    return [Sheet(question.title, (*words, *(one.heading for one in figures)), len(words), tuple(body), (LEGEND,))]


def _words(one: Comparison, defences: int) -> dict[str, str]:
    source = "" if one.source in ("none", "victim", one.linker) else f" on {one.source}"
    linker = linker_label(one.linker, one.defence, defences)
    found = {"data set": one.dataset, "task": one.task, "linker": linker, "against": one.against}
    return found | {"attack": one.attack + source}


def cell(one: Comparison) -> str:
    """The difference, its mark and its interval."""
    interval = "" if one.low is None or one.high is None else f" ({points(one.low)} to {points(one.high)})"
    return f"{points(one.value)}{MARKS[one.verdict]}{interval}"
