"""Runs a table of the visual-attack paper and gives it as text."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from robustmel.api import execute
from robustmel.experiments.visual.comparison_table import legend, table_sheets
from robustmel.experiments.visual.made_up_names import lost_with_names, names_grid
from robustmel.experiments.visual.paper_tables import PAPER
from robustmel.experiments.visual.setup import Setup
from robustmel.report import Report
from robustmel.report.comparisons import compare, defence_verdict
from robustmel.report.tables import markdown, text
from robustmel.report.tables.sheet import Sheet

Format = Literal["table", "markdown"]

SCALE = (
    f"On the embedded world these figures say nothing of the paper's models: drawn flags, linkers of a million parameters that know every name. The"
    f" figures of {PAPER} stand beside them for the direction of each effect, and are no target."
)


def run_table(setup: Setup, out: Path, store: Path, workers: int, device: str, written: Format = "table") -> Iterator[str]:
    """Runs what is missing; the table, what it says of the defence, and where every figure is."""
    report = execute(setup.grid, out, store, workers, device).report
    lost = None
    if setup.names:
        lost = lost_with_names(execute(names_grid(setup.grid), out / "names-made-up", store, workers, device).report)
    n = max((summary.n for summary in report.summaries), default=0)
    yield f"## {PAPER}, {setup.name.replace('table', 'Table ')}: {setup.title}"
    yield ""
    yield f"Accuracy in %; {n} mentions of each data set, one seed."
    yield ""
    *first, last = table_sheets(setup, report, lost)
    for sheet in (*first, replace(last, notes=(*legend(setup, report), *_remarks(setup, report)))):
        yield markdown.render(sheet) if written == "markdown" else text.render(folded(sheet))
    yield f"Every figure: {out / 'report' / 'index.html'}"


def folded(sheet: Sheet) -> Sheet:
    """For a terminal: what would stand behind a figure in a line of its own."""
    lines: list[tuple[str, ...]] = []
    for line in sheet.lines:
        pairs = [cell.partition("\n") for cell in line]
        lines.append(tuple(first for first, _, _ in pairs))
        if any(second for _, _, second in pairs):
            lines.append((line[0], "interval", *(second.strip("()") for _, _, second in pairs[2:])))
    return replace(sheet, lines=tuple(lines))


def _remarks(setup: Setup, report: Report) -> Iterator[str]:
    if errors := sum(summary.errors for summary in report.summaries):
        yield f"{errors} answers are errors and count as wrong."
    if setup.defence and (verdict := defence_verdict(compare(report.scoring, "defence"))):
        yield verdict
    if any(component.name.startswith("world-") for component in setup.grid.datasets):
        yield SCALE
