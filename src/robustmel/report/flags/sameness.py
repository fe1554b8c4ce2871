"""Whether a linker answers the same when asked the same."""

from __future__ import annotations

from collections.abc import Sequence

from robustmel.report.flags.evidence import Evidence
from robustmel.report.flags.flag import Examined, examined
from robustmel.report.flags.kinds import DIFFERING, TRAINING


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
