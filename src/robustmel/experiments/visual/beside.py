"""A table in the paper's shape: our figures with intervals, the paper's beside each, and the difference."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import fmean

from robustmel.experiments.table_text import columns
from robustmel.experiments.visual.paper_tables import ATTACKS, PAPER, RAW, RETLINK, chosen, is_repeated
from robustmel.experiments.visual.setup import COLUMNS, Setup
from robustmel.report import Report, Summary
from robustmel.types import Task

PAPERS_DATASETS = {
    "wikidata-mel": "Wikidata-MEL", "wikimel": "Wikidata-MEL", "richpedia-mel": "Richpedia-MEL", "wikidiverse": "WikiDiverse",
    "wikiperson": "WIKIPerson", "m3el": "M3EL",
}  # fmt: skip
"""Name of a data set here -> in the paper. Beside any other stands the mean over the paper's five."""
TASKS: tuple[Task, ...] = ("I2T", "IT2T")
HEAD = ("RAW", "PGD N", "PGD S", "APGD N", "APGD S", "CW N", "CW S")
REPEATED = "‡"


@dataclass(frozen=True)
class Variant:
    """A kind of row.

    Args:
        words: What its rows say behind the linker's name.
        defended: Whether the linker is behind the defence.
        source: "itself" (what is judged, its defence included), "undefended", or the title of another linker.
    """

    words: str
    defended: bool
    source: str


def variants(setup: Setup) -> list[Variant]:
    """The kinds of rows of a table, in order."""
    kinds = [Variant("", False, "itself")]
    if setup.surrogate:
        kinds.append(Variant(f"images made on {setup.surrogate}", False, setup.surrogate))
    if setup.defence:
        kinds.append(Variant(f"{setup.defence}, static", True, "undefended"))
        kinds.append(Variant(f"{setup.defence}, adaptive", True, "itself"))
    return kinds


def table_lines(setup: Setup, report: Report) -> Iterator[str]:
    """Every data set and task, then what stands beside: controls, and what the marks mean."""
    for dataset in dict.fromkeys(summary.dataset for summary in report.summaries):
        names = [component.name for component in setup.grid.datasets if component.title == dataset]
        papers = PAPERS_DATASETS.get(names[0] if names else dataset)
        for task in TASKS:
            yield f"### {dataset}, {task}"
            yield ""
            yield from columns([("", "", *HEAD), *_rows(setup, report, dataset, papers, task)])
            yield ""
        yield from _controls(setup, report, dataset)
    yield "IT2T under attack is judged by the worse of an image-view and a fused-view attack; the paper's images attack the image's score alone."
    yield f"{REPEATED} {PAPER} print these figures under attack for two of their data sets."


def paper_figures(linker: str, dataset: str | None, task: str, defended: bool) -> tuple[list[float | None], bool]:
    """The seven figures, in percent, and whether a row behind them stands in the paper twice; means over its data sets for None."""
    rows = chosen(linker=linker, task=task.lower(), defence=RETLINK if defended else "none")
    rows = [row for row in rows if dataset in (None, row.dataset)]
    if not rows:
        return [None] * len(HEAD), False
    return [fmean(row.accuracy[name] for row in rows) for name in (RAW, *ATTACKS)], any(map(is_repeated, rows))


def _rows(setup: Setup, report: Report, dataset: str, papers: str | None, task: Task) -> Iterator[tuple[str, ...]]:
    whose = papers or "mean of its five data sets"
    for paper_name, linker in setup.linkers.items():
        for kind in variants(setup):
            defence = setup.defence if kind.defended else "none"
            summaries = [
                row
                for row in report.summaries
                if (row.dataset, row.task, row.linker, row.defence) == (dataset, task, linker, defence)
            ]
            cells = [_find(summaries, "clean", kind, linker)]
            cells += [_find(summaries, f"{attack}-{strength}", kind, linker) for attack, strength in COLUMNS]
            if not any(cells):
                continue
            theirs, repeated = paper_figures(paper_name, papers, task, kind.defended)
            star = "*" if kind.defended else ""
            mark = f" {REPEATED}" if repeated else ""
            yield (f"{linker}{', ' if kind.words else ''}{kind.words}", "here", *map(_figure, cells))
            yield ("", f"{paper_name}{star}, {whose}{mark}", *("n/a" if value is None else f"{value:.1f}" for value in theirs))
            yield ("", "difference", *map(_difference, cells, theirs))


def _find(summaries: Iterable[Summary], attack: str, kind: Variant, linker: str) -> Summary | None:
    for summary in summaries:
        if summary.attack != attack or summary.worst_case:
            continue
        made_on = summary.cell.source_linker
        asked = {"itself": summary.white_box, "undefended": not summary.white_box and made_on == linker}
        asked_here = asked.get(kind.source, not summary.white_box and made_on == kind.source)
        if attack == "clean" or asked_here:
            return summary
    return None


def _controls(setup: Setup, report: Report, dataset: str) -> Iterator[str]:
    """Noise of the attacks' size, grey images and the text alone, undefended."""
    head = ("controls", "task", "RAW", "noise N", "noise S", "images blanked", "text alone")
    rows: list[tuple[str, ...]] = [head]
    for linker in setup.linkers.values():
        own = [row for row in report.summaries if (row.dataset, row.linker, row.defence) == (dataset, linker, "none")]
        text = next((row for row in own if row.task == "T2T" and row.clean), None)
        for task in TASKS:
            by_attack = {row.attack: row for row in own if row.task == task}
            figures = [_figure(by_attack.get(name)) for name in ("clean", "noise-normal", "noise-strong", "blanked")]
            rows.append((linker, task, *figures, _figure(text) if task == "IT2T" else ""))
    yield from columns(rows)
    yield ""


def _figure(summary: Summary | None) -> str:
    if summary is None or summary.accuracy is None:
        return "n/a"
    bounds = (
        ""
        if summary.ci_low is None or summary.ci_high is None
        else f" [{100 * summary.ci_low:.0f}, {100 * summary.ci_high:.0f}]"
    )
    return f"{100 * summary.accuracy:.1f}{bounds}"


def _difference(summary: Summary | None, theirs: float | None) -> str:
    if summary is None or summary.accuracy is None or theirs is None:
        return ""
    return f"{100 * summary.accuracy - theirs:+.1f}"
