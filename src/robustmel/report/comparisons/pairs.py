"""Two systems on the same mentions: a linker with and without a defence, or two linkers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from robustmel.report.comparisons.comparison import Comparison, Figure, Subject
from robustmel.report.credit import Credit
from robustmel.report.rows import Row
from robustmel.report.scoring import Scoring
from robustmel.types import Cell

COST = Figure(
    "clean", "clean",
    "on clean images the defence adds {} points", "on clean images the defence costs {} points",
    "on clean images the defence changes nothing", "whether the defence costs anything on clean images",
)  # fmt: skip
DEFENDED = Figure(
    "attacked", "attacked",
    "{} points more are linked with it", "{} points fewer are linked with it",
    "it changes nothing", "whether more are linked with it",
)  # fmt: skip
SAVED = Figure(
    "saved", "saved of the drop",
    "the attack costs {} points less with it", "the attack costs {} points more with it",
    "the attack costs the same with and without it", "whether the attack costs less with it",
)  # fmt: skip
KEPT = Figure(
    "kept", "kept, of what both link when clean",
    "of the mentions that both link when clean, {} points more stay right",
    "of the mentions that both link when clean, {} points fewer stay right",
    "of the mentions that both link when clean, as many stay right", "which keeps more of the mentions that both link when clean",
)  # fmt: skip
OTHER = Figure(
    "attacked", "accuracy",
    "{} points more are linked", "{} points fewer are linked", "as many are linked", "which links more",
)  # fmt: skip

DEFENCE_FIGURES = (COST, DEFENDED, SAVED, KEPT)
LINKER_FIGURES = (OTHER, KEPT)


def defences(scoring: Scoring, rows: list[Row]) -> Iterator[Comparison]:
    """Every defended linker against itself without the defence.

    `saved` is the difference in differences: the drop without the defence less the drop with it. `kept` is over the mentions right
    beyond a tie, under every seed, in both systems when clean: else a defence that links less would keep a larger share of less.
    """
    by_cell = {row.cell: row for row in rows}
    for row in (row for row in rows if row.cell.defence != "none"):
        other = _without_defence(row, by_cell)
        if other is None or row.first.candidates != other.first.candidates:
            continue
        subject = Subject("defence", row.cell, row, "none", scoring.facts(row.first).clusters)
        ours, theirs = scoring.row(row).credit, scoring.row(other).credit
        made = [subject.compare(COST if row.first.clean else DEFENDED, [ours], [theirs])]
        before, without = scoring.clean(row), scoring.clean(other)
        if not row.first.clean and before is not None and without is not None:
            made.append(subject.compare(SAVED, [without.credit, ours], [theirs, before.credit]))
            made.append(subject.compare(KEPT, [ours], [theirs], _both(before, without)))
        yield from (comparison for comparison in made if comparison is not None)


def linkers(scoring: Scoring, rows: list[Row]) -> Iterator[Comparison]:
    """Every two linkers under one attack, each attacked on its own scores or both on the same other one's."""
    for row, other in combinations(rows, 2):
        shared = _shared(row)
        if shared != _shared(other) or row.cell.linker == other.cell.linker or row.first.candidates != other.first.candidates:
            continue
        cell = replace(row.cell, source=shared.source)
        subject = Subject("linker", cell, row, other.cell.linker, scoring.facts(row.first).clusters)
        ours, theirs = scoring.row(row).credit, scoring.row(other).credit
        made = [subject.compare(OTHER, [ours], [theirs])]
        before, others = scoring.clean(row), scoring.clean(other)
        if not row.first.clean and before is not None and others is not None:
            made.append(subject.compare(KEPT, [ours], [theirs], _both(before, others)))
        yield from (comparison for comparison in made if comparison is not None)


def _without_defence(row: Row, by_cell: Mapping[Cell, Row]) -> Row | None:
    """The undefended row under the same attack: from the same source, or where each victim is attacked on its own scores."""
    bare = replace(row.cell, defence="none")
    titles = [row.cell.source, *([row.cell.linker] if row.white_box else [])]
    return next((by_cell[cell] for title in titles if (cell := replace(bare, source=title)) in by_cell), None)


def _shared(row: Row) -> Cell:
    """What two linkers must share to be compared."""
    return replace(row.cell, linker="", source="victim" if row.white_box else row.cell.source)


def _both(first: Credit, second: Credit) -> NDArray[np.bool_]:
    """(n,): right beyond a tie when clean, under every seed, for both."""
    both: NDArray[np.bool_] = np.all(first.credit == 1, axis=0) & np.all(second.credit == 1, axis=0)
    return both
