"""What the report's pictures share: colours for a light and a dark ground, a grid of panels, SVG with the same bytes each time."""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from robustmel.report.sanitise import visible
from robustmel.report.summary import Summary
from robustmel.report.tables.layout import TASK_NAMES


@dataclass(frozen=True)
class Theme:
    """Colours for one background. Linkers take theirs in order (the first as in Okabe & Ito's set, told apart by colour-blind readers)."""

    ink: str
    faint: str
    ground: str
    linkers: tuple[str, ...]


_LIGHT = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#3f4a9e", "#a0132f", "#5f6368", "#6f8f00", "#0f97ab")
_DARK = ("#56b4e9", "#f08a4b", "#2fc49a", "#e3a3c8", "#e5c84a", "#98a1ee", "#ff6b81", "#b0b6bd", "#b7d33a", "#4fd8ea")
LIGHT = Theme("#1f2328", "#d5d9de", "#ffffff", _LIGHT)
DARK = Theme("#e6e8eb", "#3a414a", "#16191d", _DARK)

CHARACTER = 0.085
"""Inches that a character of a legend takes, about."""

BANDS = 5
"""Up to so many lines a panel each has its interval as a band; more of them hide the lines."""


Draw = Callable[[Any, Sequence[Summary]], None]
"""Fills one panel's axes from the summaries of its data set and task."""


def panels(summaries: Sequence[Summary], width: float, draw: Draw, height: str = "accuracy, %") -> str | None:
    """An SVG for a light ground, a row a data set, a column a task; None where there is nothing to draw.

    Args:
        summaries: What is drawn.
        width: Of a panel, in inches.
        draw: Fills a panel; the labels of all make the legend.
        height: What is drawn, from 0 to 100.
    """
    places = list(dict.fromkeys((summary.dataset, summary.task) for summary in summaries))
    if not places:
        return None
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    style: Any = {"svg.hashsalt": "robustmel", "text.parse_math": False, "font.size": 9.5, "font.family": "DejaVu Sans"}
    style |= dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), LIGHT.ink)
    datasets, tasks = list(dict.fromkeys(place[0] for place in places)), list(dict.fromkeys(place[1] for place in places))
    with matplotlib.rc_context(style):
        size = (width * len(tasks), 2.9 * len(datasets) + 0.5)
        figure = Figure(figsize=size, facecolor=LIGHT.ground, layout=ConstrainedLayoutEngine(h_pad=0.12))
        FigureCanvasSVG(figure)
        axes = figure.subplots(len(datasets), len(tasks), squeeze=False, sharey=True)
        for row, dataset in enumerate(datasets):
            for column, task in enumerate(tasks):
                draw(
                    axes[row, column], [summary for summary in summaries if (summary.dataset, summary.task) == (dataset, task)]
                )
                _dress(axes[row, column], f"{dataset} · {TASK_NAMES[task]}" if len(datasets) > 1 else TASK_NAMES[task])
            axes[row, 0].set_ylabel(height)
        labelled = {
            label: handle for axis in axes.flat for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
        }
        entry = 0.6 + CHARACTER * max(map(len, labelled), default=0)
        columns = max(1, min(4, len(labelled), int(width * axes.shape[1] / entry)))
        figure.legend(labelled.values(), labelled.keys(), loc="outside lower center", ncols=columns, frameon=False)
        file = io.StringIO()
        figure.savefig(file, format="svg", facecolor=LIGHT.ground, metadata={"Date": None, "Creator": None})
    return file.getvalue()


def darkened(svg: str) -> str:
    """The same picture for a dark ground: colour for colour."""
    swaps = {getattr(LIGHT, name): getattr(DARK, name) for name in ("ink", "faint", "ground")}
    swaps |= dict(zip(LIGHT.linkers, DARK.linkers, strict=True))
    return re.sub("|".join(swaps), lambda match: swaps[match[0]], svg)


def colour_of(linker: str, summaries: Sequence[Summary]) -> str:
    """The same colour for a linker in every panel."""
    return LIGHT.linkers[list(dict.fromkeys(summary.linker for summary in summaries)).index(linker) % len(LIGHT.linkers)]


def _dress(axis: Any, heading: str) -> None:
    axis.set_title(visible(heading), fontsize=10, loc="left")
    axis.set_ylim(0, 100)
    axis.set_facecolor(LIGHT.ground)
    axis.grid(axis="y", color=LIGHT.faint, linewidth=0.7)
    axis.set_axisbelow(True)
    axis.tick_params(length=0)
    for side, spine in axis.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(LIGHT.faint)
