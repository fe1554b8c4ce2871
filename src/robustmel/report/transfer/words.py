"""What a transfer matrix shows, in a sentence."""

from __future__ import annotations

from robustmel.report.tables.layout import TASK_NAMES, percent, short_title
from robustmel.report.transfer.matrix import Matrix


def sentence(matrix: Matrix) -> str:
    """How far from the diagonal the rest lies, with its interval; "" where there is no diagonal or nothing beside it."""
    found = matrix.distance
    if found is None:
        return ""
    where = f"{matrix.dataset}, {TASK_NAMES[matrix.task]}, {short_title(matrix.attack)}"
    said = (
        f"{where}: on images made on the linker itself {percent(found.white_box)} % of the mentions stay linked, on images made on"
        f" another linker {percent(found.foreign)} %"
    )
    bounds = found.gap.interval() if found.gap else None
    if found.gap and bounds:
        said += f", {100 * found.gap.value:.1f} points apart (95 % interval {100 * bounds.low:.1f} to {100 * bounds.high:.1f})"
    beside = [] if found.clean is None else [f"on clean images {percent(found.clean)} %"]
    beside += [f"on those made on {_ensemble(title)} {percent(left)} %" for title, left in found.ensembles.items()]
    beside += [] if found.control is None else [f"under noise of that size {percent(found.control)} %"]
    said += f"; {', '.join(beside)}" if beside else ""
    if found.carried is not None:
        said += f". Of what its own images break, another linker's break {_share(found.carried)}"
    return f"{said}. Means over {found.victims} linkers and {found.pairs} pairs."


def _share(carried: float) -> str:
    return "nothing" if carried <= 0 else "all" if carried >= 1 else f"{percent(carried)} %"


def _ensemble(title: str) -> str:
    return "all others at once" if title == "others" else title
