"""All that is examined, in the order of a report."""

from __future__ import annotations

from collections.abc import Sequence

from robustmel.report.flags import black_box, budgets
from robustmel.report.flags.chance import Comparison, beyond_chance
from robustmel.report.flags.evidence import evidence
from robustmel.report.flags.flag import Examined, Flag, examined
from robustmel.report.flags.gradients import loss_plateau, zero_gradients
from robustmel.report.flags.kinds import KINDS, Kind
from robustmel.report.flags.logged import nondeterministic, probabilities, rounding
from robustmel.report.results import Run
from robustmel.report.scoring import Scoring
from robustmel.report.summary import Summary


def flags(run: Run, summaries: Sequence[Summary]) -> list[Flag]:
    """Reasons to doubt rows of a run, by code; empty where there are none.

    Args:
        run: The run, read back.
        summaries: Its rows.
    """
    return [flag for one in examine(Scoring(run), summaries) for flag in one.flags]


def examine(scoring: Scoring, summaries: Sequence[Summary]) -> tuple[Examined, ...]:
    """Every kind of doubt, with how much there was to look at and the flags that it raised.

    Flags that rest on a comparison of two rows are raised together: the chance of a single false one in a whole report is held
    below 5 % (see `chance`). The others rest on thresholds that sound linkers stay far below.

    Args:
        scoring: Of the run.
        summaries: Its rows.
    """
    rows = evidence(scoring, summaries)
    compared = [*black_box.comparisons(rows), *budgets.growing(rows), *budgets.settings(rows), *budgets.above_clean(rows)]
    picked = beyond_chance(compared)
    parts = [zero_gradients(rows), loss_plateau(rows), *nondeterministic(rows), rounding(rows), probabilities(rows)]
    parts += [_compared(kind, compared, picked) for kind in dict.fromkeys(one.kind for one in compared)]
    parts.append(budgets.far_from_total(rows))
    return tuple(_joined(code, [one for one in parts if one.code == code]) for code in KINDS)


def _compared(kind: Kind, all_of_them: Sequence[Comparison], picked: Sequence[Comparison]) -> Examined:
    seen = [(one.row, one.phrase) for one in picked if one.kind == kind]
    return examined(kind, sum(one.kind == kind for one in all_of_them), seen)


def _joined(code: str, parts: Sequence[Examined]) -> Examined:
    return Examined(code, sum(one.looked for one in parts), tuple(flag for one in parts for flag in one.flags))
