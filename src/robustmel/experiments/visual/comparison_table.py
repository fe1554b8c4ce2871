"""A table in the paper's shape: our figures with intervals, the paper's beside each, the difference, and what linking cost."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import fmean

from robustmel.experiments.visual.costs import linking_cost
from robustmel.experiments.visual.made_up_names import Lost
from robustmel.experiments.visual.paper_tables import ATTACKS, PAPER, RAW, RETLINK, chosen, is_repeated
from robustmel.experiments.visual.setup import COLUMNS, Setup
from robustmel.report import Report, Summary
from robustmel.report.comparisons import Comparison
from robustmel.report.tables.sheet import Sheet
from robustmel.types import Task

PAPERS_DATASETS = {
    "wikidata-mel": "Wikidata-MEL", "wikimel": "Wikidata-MEL", "richpedia-mel": "Richpedia-MEL", "wikidiverse": "WikiDiverse",
    "wikiperson": "WIKIPerson", "m3el": "M3EL",
}  # fmt: skip
"""Name of a data set here -> in the paper. Beside any other stands the mean over the paper's five."""
TASKS: tuple[Task, ...] = ("I2T", "IT2T")
HEAD = ("RAW", "PGD N", "PGD S", "APGD N", "APGD S", "CW N", "CW S")
COSTS = ("calls", "seconds")
CONTROLS = {"clean": "RAW", "noise-normal": "noise N", "noise-strong": "noise S", "blanked": "blanked"}
REPEATED = "‡"


@dataclass(frozen=True)
class RowKind:
    """A kind of row.

    Args:
        words: What its rows say behind the linker's name.
        meaning: The same in a sentence.
        defended: Whether the linker is behind the defence.
        source: "itself" (what is judged, its defence included), "undefended", or the title of another linker.
    """

    words: str
    meaning: str
    defended: bool
    source: str


def row_kinds(setup: Setup) -> list[RowKind]:
    """The kinds of rows of a table, in order."""
    words = "white box" if setup.surrogate else "none" if setup.defence else "here"
    kinds = [RowKind(words, "no defence; the images are made on the linker itself", False, "itself")]
    if setup.surrogate:
        kinds.append(RowKind("transfer", f"no defence; the images are made on {setup.surrogate}", False, setup.surrogate))
    if setup.defence:
        behind = f"behind {setup.defence}; the images are made on the linker"
        kinds.append(RowKind("static", f"{behind} without it, as in the paper", True, "undefended"))
        kinds.append(RowKind("adaptive", f"{behind} with it", True, "itself"))
    return kinds


def table_sheets(setup: Setup, report: Report, lost: Lost | None = None) -> Iterator[Sheet]:
    """Every data set and task, then the controls, with what is lost where names are made up if that was asked."""
    for dataset in dict.fromkeys(summary.dataset for summary in report.summaries):
        papers = _papers_name(setup, dataset)
        for task in TASKS:
            yield Sheet(
                ("linker", "", *HEAD, *COSTS),
                2,
                tuple(_rows(setup, report, dataset, papers, task)),
                f"{dataset}, {task}",
                grouped=True,
            )
        head = ("linker", "", *CONTROLS.values(), "text alone", *(() if lost is None else ("names",)))
        lines = tuple(_controls(setup, report, dataset, lost))
        yield Sheet(head, 2, lines, f"{dataset}, controls without a defence", grouped=True)


def legend(setup: Setup, report: Report) -> Iterator[str]:
    """What rows and columns mean."""
    for kind in row_kinds(setup):
        yield f"{kind.words}: {kind.meaning}."
    pairs = ", ".join(f"{paper} beside {linker}" for paper, linker in setup.linkers.items() if paper != linker)
    stars = "; beside static and adaptive its row behind LLM-RetLink" if setup.defence else ""
    whose = dict.fromkeys(
        _papers_name(setup, summary.dataset) or "the mean of its five data sets" for summary in report.summaries
    )
    yield f"paper: {PAPER}, {', '.join(whose)}{f' ({pairs})' if pairs else ''}{stars}. difference: ours less the paper's."
    yield f"{REPEATED} The paper prints these figures under attack for two of its data sets."
    yield "Intervals: 95 %, clustered by entity and image."
    yield (
        "calls, seconds: of linking one mention, over all images of the row: calls of a language model or a describer of images, and"
        " wall time when the answer was made."
    )
    yield "IT2T under attack is judged by the worse of an image-view and a fused-view attack; the paper's images attack the image's score alone."
    yield "blanked: each image as grey as it gets, at its own mean brightness. noise: random, of the attacks' size."
    if setup.names:
        yield "names: points lost, clean, where every name is made up, in the knowledge base and in the texts: linking or memory?"


def paper_figures(linker: str, dataset: str | None, task: str, defended: bool) -> tuple[list[float | None], bool]:
    """The seven figures, in percent, and whether a row behind them stands in the paper twice; means over its data sets for None."""
    rows = chosen(linker=linker, task=task.lower(), defence=RETLINK if defended else "none")
    rows = [row for row in rows if dataset in (None, row.dataset)]
    if not rows:
        return [None] * len(HEAD), False
    return [fmean(row.accuracy[name] for row in rows) for name in (RAW, *ATTACKS)], any(map(is_repeated, rows))


def _papers_name(setup: Setup, dataset: str) -> str | None:
    """What the paper calls a data set, None where it has none of that name."""
    names = [component.name for component in setup.grid.datasets if component.title == dataset]
    return PAPERS_DATASETS.get(names[0] if names else dataset)


def _rows(setup: Setup, report: Report, dataset: str, papers: str | None, task: Task) -> Iterator[tuple[str, ...]]:
    for paper_name, linker in setup.linkers.items():
        for kind in row_kinds(setup):
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
            cost = linking_cost(report, filter(None, cells))
            costs = (f"{cost[0]:.1f}", f"{cost[1]:.3f}") if cost else ("", "")
            yield (linker, kind.words, *(_figure(cell) for cell in cells), *costs)
            mark = f" {REPEATED}" if repeated else ""
            yield (linker, f"paper{mark}", *("n/a" if value is None else f"{value:.1f}" for value in theirs), "", "")
            yield (linker, "difference", *map(_difference, cells, theirs), "", "")


def _find(summaries: Iterable[Summary], attack: str, kind: RowKind, linker: str) -> Summary | None:
    for summary in summaries:
        if summary.attack != attack or summary.worst_case:
            continue
        made_on = summary.cell.source_linker
        asked = {"itself": summary.white_box, "undefended": not summary.white_box and made_on == linker}
        asked_here = asked.get(kind.source, not summary.white_box and made_on == kind.source)
        if attack == "clean" or asked_here:
            return summary
    return None


def _controls(setup: Setup, report: Report, dataset: str, lost: Lost | None) -> Iterator[tuple[str, ...]]:
    """Noise of the attacks' size, grey images, the text alone and made-up names, undefended."""
    for linker in setup.linkers.values():
        own = [row for row in report.summaries if (row.dataset, row.linker, row.defence) == (dataset, linker, "none")]
        text = next((row for row in own if row.task == "T2T" and row.clean), None)
        for task in TASKS:
            by_attack = {row.attack: row for row in own if row.task == task}
            figures = [_figure(by_attack.get(name)) for name in CONTROLS]
            names = () if lost is None else (_points(lost.get((dataset, task, linker))),)
            yield (linker, task, *figures, _figure(text) if task == "IT2T" else "", *names)


def _figure(summary: Summary | None) -> str:
    """In percent, its interval behind a line feed: see `Sheet`."""
    if summary is None or summary.accuracy is None:
        return "–" if summary is None else "n/a"
    low, high = summary.ci_low, summary.ci_high
    return f"{100 * summary.accuracy:.1f}" + ("" if low is None or high is None else f"\n({100 * low:.0f}–{100 * high:.0f})")


def _points(comparison: Comparison | None) -> str:
    if comparison is None:
        return "–"
    low, high = comparison.low, comparison.high
    bounds = "" if low is None or high is None else f"\n({100 * low:.0f} to {100 * high:.0f})"
    return f"{100 * comparison.value:.1f}{bounds}"


def _difference(summary: Summary | None, theirs: float | None) -> str:
    if summary is None or summary.accuracy is None or theirs is None:
        return ""
    return f"{100 * summary.accuracy - theirs:+.1f}"
