"""Whether more is more: an attack that may do more must not break less."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from robustmel.report.flags.chance import Comparison, points
from robustmel.report.flags.evidence import Evidence
from robustmel.report.flags.flag import Examined, examined
from robustmel.report.flags.kinds import ABOVE, GROWING, INCOMPLETE, SETTINGS, Kind
from robustmel.report.statistics import interval
from robustmel.report.tables.layout import percent
from robustmel.types import Cell

LARGE = 0.2
"""The radius from which on an image is hardly recognisable, so that a working attack breaks nearly everything."""
LEFT = 0.05
"""What it may leave of the mentions it attacked."""
HALF = 0.5
"""Or else it must have closed half of the gap on half of what it left: then a linker is told apart by pixels so far from each other
that no change of 0.2 can do more, which is rare but honest."""


def growing(rows: Sequence[Evidence]) -> Iterator[Comparison]:
    """Of one attack on one linker, each radius with the next larger one."""
    for ladder in _ladders(rows):
        for smaller, larger in pairwise(sorted(ladder)):
            if not _settings(ladder[smaller], ladder[larger]):
                yield _pair(GROWING, ladder[smaller], ladder[larger])


def settings(rows: Sequence[Evidence]) -> Iterator[Comparison]:
    """Of one attack on one linker, the normal and the strong setting."""
    found: defaultdict[tuple[Cell, str], dict[str, Evidence]] = defaultdict(dict)
    for row in rows:
        if row.white_box:
            found[row.victim, row.cells[0].attack_name][row.cells[0].strength] = row
    for known in found.values():
        if {"normal", "strong"} <= known.keys():
            yield _pair(SETTINGS, [known["normal"]], [known["strong"]])


def above_clean(rows: Sequence[Evidence]) -> Iterator[Comparison]:
    """Attacks with the clean images; noise and other controls, which need not harm, are left out."""
    clean = {row.victim: row for row in rows if row.summary.clean}
    for row in rows:
        if not row.summary.clean and not row.control and row.victim in clean:
            difference = row.credit - clean[row.victim].credit
            yield Comparison(ABOVE, row, difference, f"{row.label} {points(difference)} more")


def far_from_total(rows: Sequence[Evidence]) -> Examined:
    """White-box attacks of a radius at which nothing should withstand, and much does.

    Only where the image alone decides: a text that is read besides keeps what it knows.

    Source:
        Carlini et al., "On Evaluating Adversarial Robustness", 2019, section 4: an unbounded attack reaches full success.
    """
    looked = [row for row in rows if row.white_box and row.summary.task == "I2T" and (row.bound or 0) >= LARGE - 1e-9]
    seen = [(row, f"{row.label} leaves {percent(row.summary.accuracy)} %") for row in looked if _leaves_much(row)]
    return examined(INCOMPLETE, len(looked), seen)


def _leaves_much(row: Evidence) -> bool:
    attacked = row.trace.attacked
    _, clusters = np.unique(row.clusters[attacked], return_inverse=True)
    bounds = interval(row.credit[None, attacked], clusters) if attacked.any() else None
    if bounds is None or bounds.low <= LEFT:
        return False
    return not row.trace.stood or float(np.median(row.trace.closed())) < HALF


def _ladders(rows: Sequence[Evidence]) -> list[dict[float, list[Evidence]]]:
    found: defaultdict[tuple[Cell, str], defaultdict[float, list[Evidence]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.white_box and row.bound and row.summary.threat_model == "linf":
            found[row.victim, row.cells[0].attack_name][row.bound].append(row)
    return [dict(ladder) for ladder in found.values()]


def _settings(smaller: Sequence[Evidence], larger: Sequence[Evidence]) -> bool:
    """Whether the two are the named settings of one attack, which `settings` compares."""
    return [row.cells[0].strength for row in (*smaller, *larger)] == ["normal", "strong"]


def _pair(kind: Kind, less: Sequence[Evidence], more: Sequence[Evidence]) -> Comparison:
    """Of several rows with one radius, the weakest of the smaller and all together of the larger one, which is fair to the linker."""
    weakest = max(less, key=lambda row: float(row.credit.sum()))
    strongest = min(more, key=lambda row: float(row.credit.sum()))
    difference = np.min([row.least for row in more], axis=0) - weakest.credit
    phrase = f"{strongest.label} leaves {percent(strongest.summary.accuracy)} %, {weakest.summary.attack} {percent(weakest.summary.accuracy)} %"
    return Comparison(kind, strongest, difference, phrase)
