"""Whether an attack that sees less comes further than one that sees all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from robustmel.report.flags.chance import Comparison, points
from robustmel.report.flags.evidence import Evidence
from robustmel.report.flags.kinds import BLACK_BOX
from robustmel.types import Cell

ROUNDED = 0.51 / 255
"""A change that was measured on 8-bit images may exceed the radius by half a step."""


def comparisons(rows: Sequence[Evidence]) -> Iterator[Comparison]:
    """Every attack that sees less, against all white-box attacks of the next radius that is no smaller, taken together.

    A mention withstands those only if it withstands each of them under every seed; so more attacks raise no false alarm.

    Source:
        Carlini et al., "On Evaluating Adversarial Robustness", 2019, section 4.
    """
    white: defaultdict[Cell, defaultdict[float, list[Evidence]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.white_box and row.bound is not None and row.summary.threat_model == "linf":
            white[row.victim][row.bound].append(row)
    for row in rows:
        if row.summary.clean or row.white_box or row.reach is None:
            continue
        slack = 1e-9 if row.bound is not None else ROUNDED
        radii = [radius for radius in white.get(row.victim, ()) if radius >= row.reach - slack]
        if radii:
            seeing = white[row.victim][min(radii)]
            withstood = np.min([one.least for one in seeing], axis=0)
            names = " and ".join(one.summary.attack for one in seeing)
            difference = withstood - row.credit
            yield Comparison(BLACK_BOX, row, difference, f"{row.label} {points(difference)} more than {names}")
