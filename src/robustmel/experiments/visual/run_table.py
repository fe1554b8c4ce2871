"""Runs a table of the visual-attack paper and gives it as text."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

from robustmel.api import execute
from robustmel.experiments.visual.beside import table_lines
from robustmel.experiments.visual.paper_tables import PAPER
from robustmel.experiments.visual.setup import Setup

SCALE = (
    f"On the embedded world these figures say nothing of the paper's models: drawn flags, linkers of a million parameters that know every name. The"
    f" figures of {PAPER} stand beside them for the direction of each effect, and are no target."
)


def run_table(setup: Setup, out: Path, store: Path, workers: int, device: str) -> Iterator[str]:
    """Runs what is missing; the table, its cost, and where every figure is."""
    outcome = execute(setup.grid, out, store, workers, device)
    report = outcome.report
    yield f"## {PAPER}, {setup.name.replace('table', 'Table ')}: {setup.title}"
    yield ""
    n = max((summary.n for summary in report.summaries), default=0)
    yield f"Accuracy in % with 95 % intervals, clustered by entity and image; n = {n} mentions of each data set, one seed."
    yield ""
    yield from table_lines(setup, report)
    if errors := sum(summary.errors for summary in report.summaries):
        yield f"{errors} answers are errors and count as wrong."
    yield ""
    if any(component.name.startswith("world-") for component in setup.grid.datasets):
        yield textwrap.fill(SCALE, 110)
    yield f"Every figure: {out / 'report' / 'index.html'}"
