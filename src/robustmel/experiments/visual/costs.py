"""What linking cost, by the answers that a run rests on."""

from collections.abc import Iterable
from dataclasses import replace
from statistics import fmean

from robustmel.report import Report, Summary

Cost = tuple[float, float]


def linking_cost(report: Report, summaries: Iterable[Summary]) -> Cost | None:
    """Model calls and seconds of linking, each a mean over all mentions and images behind some rows; None where there are none.

    Calls are those that a linker or its defence counts: of a language model or a describer of images, run here or behind an endpoint.
    Seconds are wall time as it was when the answer was made; what the store already held is not timed anew.
    """
    rows = {summary.cell for summary in summaries}
    used = {
        evaluation.answers: (cell, evaluation)
        for cell in report.run.cells
        if replace(cell.cell, seed=None) in rows
        for evaluation in cell.evaluations
    }
    costs = [(answer.usage.calls, answer.seconds) for pair in used.values() for answer in report.run.answers(*pair)]
    return (fmean(calls for calls, _ in costs), fmean(seconds for _, seconds in costs)) if costs else None
