"""Runs all checks, in the order of a report."""

from collections.abc import Sequence

from robustmel.report.flags.chance import beyond_chance, detectable_difference
from robustmel.report.flags.evidence import evidence
from robustmel.report.flags.flag import KINDS, Examination, raise_flags
from robustmel.report.flags.pairs import compared
from robustmel.report.flags.thresholds import by_thresholds
from robustmel.report.scoring import Scoring
from robustmel.report.summary import Summary


def examine(scoring: Scoring, summaries: Sequence[Summary]) -> tuple[Examination, ...]:
    """Every kind of doubt, with how much there was to look at and the flags that it raised.

    Flags that rest on a comparison of two rows are raised together: the chance of a single false one in a whole report is held
    below 5 % (see `chance`). The others rest on thresholds that sound linkers stay far below.
    """
    rows = evidence(scoring, summaries)
    pairs = list(compared(rows))
    picked = beyond_chance(pairs)
    parts = list(by_thresholds(rows))
    for code in KINDS:
        mine = [pair for pair in pairs if pair.code == code]
        doubts = [(pair.row, pair.clause) for pair in picked if pair.code == code]
        least = max((detectable_difference(pair.row.clusters, len(pairs)) for pair in mine), default=None)
        parts.append(Examination(code, len(mine), raise_flags(code, doubts), least))
    return tuple(_joined(code, [part for part in parts if part.code == code]) for code in KINDS)


def _joined(code: str, parts: Sequence[Examination]) -> Examination:
    flags = tuple(flag for part in parts for flag in part.flags)
    return Examination(code, sum(part.count for part in parts), flags, parts[-1].visible)
