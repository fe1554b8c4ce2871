"""Two systems on the same mentions: a linker with and without a defence, or two linkers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from robustmel.report.comparisons.comparison import Comparison, Figure, Subject
from robustmel.report.credit import Floats
from robustmel.report.rows import Row
from robustmel.report.scoring import Scoring

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
    bare = {_task(row): row for row in rows if row.first.defence == "none"}
    for row in (one for one in rows if one.first.defence != "none"):
        other = bare.get(_task(row))
        if other is None or row.first.candidates != other.first.candidates:
            continue
        subject = Subject("defence", row, "none", row.first.task, row.first.source, scoring.facts(row.first).clusters)
        ours, theirs = _credit(scoring, row), _credit(scoring, other)
        made = [subject.compare(COST if row.first.clean else DEFENDED, [ours], [theirs])]
        before, without = _clean(scoring, row), _clean(scoring, other)
        if not row.first.clean and before is not None and without is not None:
            made.append(subject.compare(SAVED, [without, ours], [theirs, before]))
            made.append(subject.compare(KEPT, [ours], [theirs], _both(before, without)))
        yield from (one for one in made if one is not None)


def linkers(scoring: Scoring, rows: list[Row]) -> Iterator[Comparison]:
    """Every two linkers under one attack, each attacked on its own scores or both on the same other one's."""
    for row, other in combinations(rows, 2):
        if _rivals(row) != _rivals(other) or row.first.linker == other.first.linker:
            continue
        if row.first.candidates != other.first.candidates:
            continue
        source = _rivals(row)[3]
        subject = Subject("linker", row, other.first.linker, row.first.task, source, scoring.facts(row.first).clusters)
        ours, theirs = _credit(scoring, row), _credit(scoring, other)
        made = [subject.compare(OTHER, [ours], [theirs])]
        before, others = _clean(scoring, row), _clean(scoring, other)
        if not row.first.clean and before is not None and others is not None:
            made.append(subject.compare(KEPT, [ours], [theirs], _both(before, others)))
        yield from (one for one in made if one is not None)


def _task(row: Row) -> tuple[str, ...]:
    cell = row.first
    return cell.dataset, cell.task, cell.linker, cell.source, row.attack


def _rivals(row: Row) -> tuple[str, ...]:
    """What two linkers must share to be compared."""
    cell = row.first
    source = "victim" if cell.source == cell.linker else cell.source
    return cell.dataset, cell.task, cell.defence, source, row.attack


def _credit(scoring: Scoring, row: Row) -> Floats:
    found = scoring.row(row)
    assert found is not None
    return found.credit


def _clean(scoring: Scoring, row: Row) -> Floats | None:
    found = scoring.clean(row)
    return found.credit if found is not None else None


def _both(one: Floats, other: Floats) -> NDArray[np.bool_]:
    """(n,) of True and False: right beyond a tie when clean, under every seed, for both."""
    both: NDArray[np.bool_] = np.all(one == 1, axis=0) & np.all(other == 1, axis=0)
    return both
