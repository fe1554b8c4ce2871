"""All that is examined, in the order of a report."""

from __future__ import annotations

from collections.abc import Sequence

from robustmel.report.flags.flag import Flag
from robustmel.report.flags.gradients import zero_gradients
from robustmel.report.results import Run
from robustmel.report.summary import Summary


def flags(run: Run, summaries: Sequence[Summary]) -> list[Flag]:
    """Reasons to doubt rows of a run, by code; empty where there are none.

    Args:
        run: The run, read back.
        summaries: Its rows.
    """
    shown = [one for one in summaries if not one.worst_case and not one.reads_no_image]
    return zero_gradients(shown)
