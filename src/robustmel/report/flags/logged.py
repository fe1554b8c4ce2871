"""What the logs of attacks and linkers say in so many words: lost by rounding, probabilities, answers that differ."""

from __future__ import annotations

from collections.abc import Sequence

from robustmel.report.flags.evidence import Evidence
from robustmel.report.flags.flag import Examined, examined
from robustmel.report.flags.kinds import DIFFERING, PROBABILITIES, ROUNDING, TRAINING
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


def nondeterministic(rows: Sequence[Evidence]) -> list[Examined]:
    """Linkers that answered differently to the same question, or whose model was left in training mode.

    Source:
        The checks of Croce et al., "RobustBench", 2021, appendix on evaluation: randomised and train-mode models.
    """
    trained = [row for row in rows if any(_told(row, "training_mode"))]
    found = [(row, {*_told(row, "deterministic"), *(row.trace.repeatable if row.summary.white_box else ())}) for row in rows]
    looked = [row for row, told in found if told]
    differing = [row for row, told in found if False in told and row not in trained]
    return [
        examined(TRAINING, 0, [(row, row.label) for row in trained]),
        examined(DIFFERING, len(looked), [(row, row.label) for row in differing]),
    ]


def _told(row: Evidence, name: str) -> list[bool]:
    """What the stage that asked the linker noted, once a row set."""
    keys = [evaluation.answers for cell in row.cells for evaluation in cell.evaluations]
    values = [row.scoring.run.manifest("answers", key).get(name) for key in keys]
    return [value for value in values if isinstance(value, bool)]
