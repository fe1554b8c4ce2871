"""Writes the page and the images beside it."""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from robustmel.report.flags.flag import KINDS, as_json, by_advice, power
from robustmel.report.gallery import Entry, Gallery, gallery
from robustmel.report.notes import further_notes, leading_notes, misordered_notes, trained_once
from robustmel.report.page.sections import sections
from robustmel.report.pictures import save
from robustmel.report.plots import accuracy_plot, darkened, norm_plots, security_curves
from robustmel.report.record import unattacked, victim_title
from robustmel.report.sanitise import inline
from robustmel.report.side_tables import broken, linked, source_label, transfer_notes
from robustmel.report.summary import Summary
from robustmel.report.tables.layout import NO_FIGURE, TASK_NAMES, figure, percent, short_title
from robustmel.report.tables.long import long_sheet
from robustmel.report.transfer import Matrix, TransferCell
from robustmel.version import __version__

if TYPE_CHECKING:
    from robustmel.report.content import ReportContent

FILTERS = ("dataset", "linker", "task", "attack", "source")
TILES = 16
NORMS = {"l2": "Euclidean (L2)", "linf": "Largest change (L∞)"}
OWN = "the linker itself"
"""What stands for a source where it is the victim, or nobody."""


def write_page(report: ReportContent, folder: Path) -> Path:
    """Writes `index.html`, `flags.json` and `images/` into the folder, anew each time.

    Everything the page needs lies in the folder; its content security policy allows no other source, and no script or style but
    the two written here.

    Returns:
        The path of `index.html`.
    """
    summaries, examined = report.summaries, report.examined
    images = folder / "images"
    shutil.rmtree(images, ignore_errors=True)
    images.mkdir(parents=True)
    chosen = gallery(report.scoring, wanted=report.holds)
    plot, curves = accuracy_plot(summaries), security_curves(summaries)
    style, script = _asset("style.css"), _asset("script.js")
    page = _template().render(
        version=__version__,
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
        tiles=tiles(summaries),
        table=report.table,
        sheet=report.table.sheet(),
        notes=[
            *report.table.legend,
            *leading_notes(summaries),
            *misordered_notes(report.run),
            *further_notes(summaries),
            *trained_once(report.run, summaries),
            *report.run.notes,
        ],  # comparisons have a section of their own
        power=power(examined),
        doubts=[(KINDS[examination.code], examination.count, by_advice(examination)) for examination in examined],
        plots=None if plot is None else [_embedded(plot), _embedded(darkened(plot))],
        curves=None if curves is None else [_embedded(curves), _embedded(darkened(curves))],
        matrices=[_heatmap(matrix) for matrix in report.matrices],
        norms=[(NORMS[norm], [_embedded(svg), _embedded(darkened(svg))]) for norm, svg in norm_plots(summaries, report.curves)],
        norm_tables=report.norms.tables,
        sections=sections(report),
        long=long_sheet(summaries),
        gallery=chosen,
        own=OWN,
        cards=[_card(number, entry, images) for number, entry in enumerate(chosen.entries, 1)],
        filters=_filters(chosen),
    )
    (folder / "flags.json").write_text(as_json(examined), "utf-8")
    path = folder / "index.html"
    path.write_text(page, "utf-8")
    return path


def tiles(summaries: Sequence[Summary]) -> list[dict[str, Any]]:
    """Per data set, task and linker: the accuracy when clean and under the attack that leaves least; none where that is too many."""
    tiles = []
    for clean in (summary for summary in summaries if summary.clean and summary.task != "T2T" and summary.accuracy is not None):
        attacks = [
            summary
            for summary in summaries
            if unattacked(summary.cell) == unattacked(clean.cell)
            and not (summary.control or summary.worst_case or summary.untouched)
        ]
        if not attacks:
            continue
        worst = min(attacks, key=lambda summary: summary.accuracy or 0.0)
        tiles.append(
            {
                "dataset": clean.dataset,
                "task": TASK_NAMES[clean.task],
                "linker": clean.victim,
                "clean": percent(clean.accuracy),
                "robust": percent(worst.accuracy),
                "interval": _interval(worst),
                "attack": short_title(worst.attack) + (f" made on {worst.source}" if worst.transferred else ""),
            }
        )
    return tiles if len(tiles) <= TILES else []


def _heatmap(matrix: Matrix) -> dict[str, Any]:
    """What the template is given of one matrix: title, victims, rows of (source, cells) and notes."""
    return {
        "title": f"{short_title(matrix.attack)} ({matrix.budget}), {TASK_NAMES[matrix.task]}, {matrix.dataset}",
        "victims": [victim_title(victim) for victim in matrix.victims],
        "rows": [
            (source_label(matrix, source), [_heat(matrix.cells.get((source, victim))) for victim in matrix.victims])
            for source in matrix.sources
        ],
        "notes": transfer_notes(matrix),
    }


def _heat(cell: TransferCell | None) -> dict[str, str] | None:
    if cell is None:
        return None
    value = cell.attack_success
    return {
        "shade": ("" if value is None else f"h{round(10 * value)}") + (" own" if cell.white_box else ""),
        "success": percent(value) if value is not None else NO_FIGURE,
        "interval": "" if cell.success_low is None else f"{percent(cell.success_low)} to {percent(cell.success_high)}",
        "left": percent(cell.accuracy),
        "title": f"attack success {broken(cell)} %, still linked {linked(cell)} %, clean {percent(cell.clean_accuracy)} %",
    }


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown)
    environment.globals |= {"figure": figure, "shade": _shade, "interval": _interval, "doubt": _doubt, "task_names": TASK_NAMES}
    return environment.from_string(_asset("page.html.jinja"))


def _asset(name: str) -> str:
    return (resources.files("robustmel.report.page") / name).read_text("utf-8")


def _shown(value: Any) -> Any:
    """Applied to whatever a template prints; it is escaped after this."""
    return inline(value) if type(value) is str else value


def _policy(style: str, script: str) -> str:
    allowed = [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in (style, script)]
    return (
        f"default-src 'none'; img-src 'self' file: data:; style-src {allowed[0]}; script-src {allowed[1]};"
        " base-uri 'none'; form-action 'none'"
    )


def _embedded(svg: str) -> Markup:
    return Markup("data:image/svg+xml;base64,") + base64.b64encode(svg.encode()).decode()


def _shade(cell: Summary | None) -> str:
    """The class that tints a cell by its accuracy: a0 to a10."""
    return "absent" if cell is None or cell.accuracy is None else f"a{round(10 * cell.accuracy)}"


def _interval(cell: Summary | None) -> str:
    if cell is None or cell.ci_low is None:
        return ""
    return f"{percent(cell.ci_low)} to {percent(cell.ci_high)} %"


def _doubt(cell: Summary | None) -> str:
    """Of what kinds the doubts about a figure are; "" where there is none."""
    return "" if cell is None else ", ".join(KINDS[code].title for code in cell.flags)


def _card(number: int, entry: Entry, images: Path) -> dict[str, Any]:
    pictures = entry.pictures
    files = {}
    for kind, pixels in (("clean", pictures.clean), ("perturbed", pictures.perturbed), ("difference", pictures.difference)):
        files[kind] = f"images/{number:03d}-{kind}.png"
        save(pixels, images.parent / files[kind])
    return {"entry": entry, "files": files, "values": _values(entry)}


def _values(entry: Entry) -> dict[str, str]:
    cell = entry.cell
    return {
        "dataset": cell.dataset,
        "linker": cell.victim,
        "task": cell.task,
        "attack": short_title(cell.attack),
        "source": cell.source if cell.transferred else OWN,
    }


def _filters(chosen: Gallery) -> list[tuple[str, list[str]]]:
    """Name and choices of each filter that has something to choose."""
    values = [_values(entry) for entry in chosen.entries]
    choices = [(name, list(dict.fromkeys(value[name] for value in values))) for name in FILTERS]
    return [(name, values) for name, values in choices if len(values) > 1]
