"""Slices as tables: one a data set, a column a group."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from robustmel.report.slices.slice import Slice
from robustmel.report.tables.layout import linker_label, percent
from robustmel.report.tables.sheet import Sheet

EMPTY = "empty"
TITLES = {
    "type": "Accuracy by type of the right entity",
    "popularity": "Accuracy by popularity of the right entity",
    "surface": "Accuracy by wording of the mention",
    "similarity": "Accuracy by likeness of the nearest wrong candidate's name",
}
NOTES = {
    "popularity": "Popularity is in the knowledge base's own unit; it is cut into thirds of the mentions, or in two where it has few values.",
    "surface": "A mention is worded as the entity's name if the two are equal but for case and blanks.",
    "similarity": "Likeness: the cosine of counts of three-letter sequences, the gold entity's name against the most similar other candidate's; cut into thirds of the mentions.",
}


def sheets(found: Sequence[Slice]) -> list[Sheet]:
    """One table a data set; a row is a row of the main table, a cell "accuracy (95 % interval)" in %, "empty" without mentions."""
    defences = len({one.defence for one in found} - {"none"})
    return [_sheet(name, list(part), defences) for name, part in groupby(_by_dataset(found), lambda one: one.dataset)]


def _by_dataset(found: Sequence[Slice]) -> list[Slice]:
    order = {name: number for number, name in enumerate(dict.fromkeys(one.dataset for one in found))}
    return sorted(found, key=lambda one: order[one.dataset])


def _sheet(dataset: str, found: Sequence[Slice], defences: int) -> Sheet:
    counts = {one.group: one.n for one in found}
    rows: dict[tuple[str, ...], dict[str, Slice]] = {}
    for one in found:
        rows.setdefault((one.task, one.linker, one.source, one.defence, one.attack), {})[one.group] = one
    lines = [
        (
            task,
            linker_label(linker, defence, defences),
            _attack(attack, source, linker),
            *(cell(row[group]) for group in counts),
        )
        for (task, linker, source, defence, attack), row in rows.items()
    ]
    by = found[0].by
    notes = (NOTES[by],) if by in NOTES else ()
    headings = ("task", "linker", "attack", *(f"{group}, n = {count:,}" for group, count in counts.items()))
    return Sheet(f"{TITLES[by]}, in % with 95 % intervals: {dataset}", headings, 3, tuple(lines), notes)


def _attack(attack: str, source: str, linker: str) -> str:
    return attack if source in ("none", linker) else f"{attack} on {source}"


def cell(one: Slice) -> str:
    """Accuracy and interval in %."""
    if one.n == 0:
        return EMPTY
    if one.ci_low is None:
        return percent(one.accuracy)
    return f"{percent(one.accuracy)} ({percent(one.ci_low)} to {percent(one.ci_high)})"
