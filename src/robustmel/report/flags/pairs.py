"""Flags from two rows: the attack that may do or sees more must not break less."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from robustmel.report.credit import Floats
from robustmel.report.flags.chance import OneSidedComparison
from robustmel.report.flags.evidence import Evidence
from robustmel.report.tables.layout import percent
from robustmel.types import Cell

ROUNDED = 0.51 / 255
"""A change that was measured on 8-bit images may exceed the radius by half a step."""


def compared(rows: Sequence[Evidence]) -> Iterator[OneSidedComparison]:
    """All pairs of which one row should not be better than the other."""
    clean = {row.victim: row for row in rows if row.summary.clean}
    yield from _black_boxes(rows, clean)
    yield from _growing(rows)
    yield from _settings(rows)
    for row in rows:  # noise and other controls need not harm
        if not row.summary.clean and not row.control and row.victim in clean:
            difference = row.credit - clean[row.victim].credit
            clause = f"{row.label} raises accuracy by {_points(difference)} over the clean images"
            yield OneSidedComparison("above_clean", row, difference, clause)


def _black_boxes(rows: Sequence[Evidence], clean: dict[Cell, Evidence]) -> Iterator[OneSidedComparison]:
    """Every attack that sees less, against all white-box attacks of the next radius that is no smaller, taken together.

    A mention withstands an attack only if it does so under each of its seeds, no more of them on the side that sees less. A member of
    an ensemble that takes no gradients (Square in AutoAttack) sees less too: what it alone fooled, its white-box members did not.

    Source:
        Carlini et al., "On Evaluating Adversarial Robustness", 2019, section 4.
    """
    white: defaultdict[Cell, defaultdict[float, list[Evidence]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.white_box and row.bound is not None and row.summary.threat_model == "linf":
            white[row.victim][row.bound].append(row)
    for row in rows:
        if row.white_box and row.logs.late.any() and row.victim in clean:
            difference = _seeing(row, clean[row.victim]) - row.least()
            count = int(row.logs.late.sum())
            clause = f"square, the member of {row.label} without gradients, fooled {count} images on which the others failed"
            yield OneSidedComparison("black_box_wins", row, difference, clause)
        if row.summary.modality != "image" or row.white_box or row.reach is None:  # who edits texts is free in another way
            continue
        slack = 1e-9 if row.bound is not None else ROUNDED
        radii = [radius for radius in white.get(row.victim, ()) if radius >= row.reach - slack]
        if radii:
            seeing = white[row.victim][min(radii)]
            withstood = np.min([_seeing(other, clean.get(row.victim)) for other in seeing], axis=0)
            difference = withstood - row.least(sum(other.runs for other in seeing))
            names = " and ".join(other.summary.attack for other in seeing)
            clause = f"{row.label} sees less than {names} but breaks {_points(difference)} more of the mentions"
            yield OneSidedComparison("black_box_wins", row, difference, clause)


def _seeing(row: Evidence, clean: Evidence | None) -> Floats:
    """(n,): what each mention earns of the members of an attack that take gradients; what only another one fooled, withstood them."""
    least = row.least()
    return least if clean is None or not row.logs.late.any() else np.where(row.logs.late, clean.credit, least)


def _growing(rows: Sequence[Evidence]) -> Iterator[OneSidedComparison]:
    """Of one attack on one linker, each radius with the next larger one."""
    ladders: defaultdict[tuple[Cell, str], defaultdict[float, list[Evidence]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.white_box and row.bound and row.summary.threat_model == "linf":
            ladders[row.victim, row.row.first.attack_name][row.bound].append(row)
    for ladder in ladders.values():
        for smaller, larger in pairwise(sorted(ladder)):
            less, more = ladder[smaller], ladder[larger]
            if [row.row.first.strength for row in (*less, *more)] != ["normal", "strong"]:  # those are compared as settings
                yield _pair("not_growing_with_eps", less, more)


def _settings(rows: Sequence[Evidence]) -> Iterator[OneSidedComparison]:
    """Of one attack on one linker, the normal and the strong setting."""
    by_setting: defaultdict[tuple[Cell, str], dict[str, Evidence]] = defaultdict(dict)
    for row in rows:
        if row.white_box:
            by_setting[row.victim, row.row.first.attack_name][row.row.first.strength] = row
    for settings in by_setting.values():
        if {"normal", "strong"} <= settings.keys():
            yield _pair("strong_weaker_than_normal", [settings["normal"]], [settings["strong"]])


def _pair(code: str, less: Sequence[Evidence], more: Sequence[Evidence]) -> OneSidedComparison:
    """Of several rows with one radius, the weakest of the smaller and all together of the larger one, which is fair to the linker."""
    weakest = max(less, key=lambda row: float(row.credit.sum()))
    strongest = min(more, key=lambda row: float(row.credit.sum()))
    difference = np.min([row.least() for row in more], axis=0) - weakest.credit
    clause = f"{strongest.label} leaves {percent(strongest.summary.accuracy)} %, {weakest.summary.attack} {percent(weakest.summary.accuracy)} %"
    return OneSidedComparison(code, strongest, difference, clause)


def _points(difference: Floats) -> str:
    return f"{100 * float(difference.mean() if len(difference) else 0):.1f} points"
