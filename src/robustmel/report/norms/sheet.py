"""The norms that break given shares of the mentions, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from robustmel.report.norms.curve import Curve
from robustmel.report.tables.layout import linker_label
from robustmel.report.tables.sheet import Sheet

SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
NEVER = "never"
NOTE = (
    "The least norm at which so many of all mentions are wrong, those wrong on clean images included (norm 0). Images as saved in 8"
    " bits; L2: Euclidean length of the change, pixels in 0 to 1; L∞: largest change of a channel, in steps of 1/255."
)
NAMES = {"l2": "L2", "linf": "L∞ /255"}


def sheets(found: Sequence[Curve]) -> list[Sheet]:
    """One table; none where no attack seeks short changes."""
    if not found:
        return []
    defences = len({one.defence for one in found} - {"none"})
    headings = ("data set", "task", "linker", "attack", "norm", *(f"{100 * share:.0f} % wrong" for share in SHARES))
    lines = [
        (
            one.dataset,
            one.task,
            linker_label(one.linker, one.defence, defences),
            one.attack if one.source in ("none", one.linker) else f"{one.attack} on {one.source}",
            NAMES[one.norm],
            *(_norm(one, share) for share in SHARES),
        )
        for one in found
    ]
    return [Sheet("Norms that break mentions", headings, 5, tuple(lines), (NOTE,))]


def _norm(one: Curve, share: float) -> str:
    found = one.reaches(share)
    if found is None:
        return NEVER
    return f"{255 * found:.2g}" if one.norm == "linf" else f"{found:.3g}"
