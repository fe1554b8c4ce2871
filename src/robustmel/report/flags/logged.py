"""What the log of an attack says in so many words."""

from __future__ import annotations

from collections.abc import Sequence

from robustmel.report.flags.evidence import Evidence
from robustmel.report.flags.flag import Examined, examined
from robustmel.report.flags.kinds import PROBABILITIES, ROUNDING
from robustmel.report.tables.layout import percent

ROUNDED_AWAY = 0.1
"""Share of the attacked images that fooled before they were saved and no longer do after, to raise the flag."""


def rounding(rows: Sequence[Evidence]) -> Examined:
    """Attacks whose images fool until they are rounded to 8 bits: the linker is judged by an attack that lost its edge."""
    looked = [row for row in rows if row.summary.success_float is not None and row.summary.success_u8 is not None]
    seen = [row for row in looked if (row.summary.success_float or 0) - (row.summary.success_u8 or 0) > ROUNDED_AWAY]
    phrases = [f"{percent(row.summary.success_float)} % before, {percent(row.summary.success_u8)} % after" for row in seen]
    pairs = [(row, f"{row.label} {phrase}") for row, phrase in zip(seen, phrases, strict=True)]
    return examined(ROUNDING, len(looked), pairs)


def probabilities(rows: Sequence[Evidence]) -> Examined:
    """Linkers whose scores are already shares of one, on which losses made for scores go flat."""
    looked = [row for row in rows if row.summary.success_float is not None]
    seen = [row for row in looked if row.trace.probabilities]
    return examined(PROBABILITIES, len(looked), [(row, row.label) for row in seen])
