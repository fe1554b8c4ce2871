"""Accuracy under attack as a picture: one panel a data set and task, one colour a linker, an interval at every point."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from robustmel.report.sanitise import visible
from robustmel.report.summary import Summary
from robustmel.report.tables.layout import TASK_NAMES, attack_order, linker_label, short_title


@dataclass(frozen=True)
class Theme:
    """Colours for one background. Linkers take theirs in order (Okabe & Ito's set, told apart by colour-blind readers)."""

    ink: str
    faint: str
    ground: str
    linkers: tuple[str, ...]


LIGHT = Theme("#1f2328", "#d5d9de", "#ffffff", ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#3f4a9e"))
DARK = Theme("#e6e8eb", "#3a414a", "#16191d", ("#56b4e9", "#f08a4b", "#2fc49a", "#e3a3c8", "#e5c84a", "#98a1ee"))


def accuracy_plot(summaries: Sequence[Summary]) -> str | None:
    """An SVG for a light ground; None where there is nothing to draw.

    Filled marks are linkers as they are, hollow ones defended; the dashed line in a fused panel is what the same linker reaches on
    the text alone. Equal summaries give equal bytes.
    """
    shown = [one for one in summaries if one.accuracy is not None and one.task != "T2T" and not one.worst_case]
    panels = list(dict.fromkeys((one.dataset, one.task) for one in shown))
    if not panels:
        return None
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    style: Any = {"svg.hashsalt": "robustmel", "text.parse_math": False, "font.size": 9.5, "font.family": "DejaVu Sans"}
    style |= dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), LIGHT.ink)
    datasets, tasks = list(dict.fromkeys(one[0] for one in panels)), list(dict.fromkeys(one[1] for one in panels))
    attacks = attack_order(shown)
    with matplotlib.rc_context(style):
        size = (max(3.4, 1.2 + 0.62 * len(attacks)) * len(tasks), 2.9 * len(datasets) + 0.5)
        figure = Figure(figsize=size, facecolor=LIGHT.ground, layout=ConstrainedLayoutEngine(h_pad=0.12))
        FigureCanvasSVG(figure)
        axes = figure.subplots(len(datasets), len(tasks), squeeze=False, sharey=True)
        for row, dataset in enumerate(datasets):
            for column, task in enumerate(tasks):
                chosen = [one for one in shown if (one.dataset, one.task) == (dataset, task)]
                heading = f"{dataset} · {TASK_NAMES[task]}" if len(datasets) > 1 else TASK_NAMES[task]
                _panel(axes[row, column], chosen, attacks, _victims(shown), heading)
            axes[row, 0].set_ylabel("accuracy, %")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)), frameon=False)
        file = io.StringIO()
        figure.savefig(file, format="svg", facecolor=LIGHT.ground, metadata={"Date": None, "Creator": None})
    return file.getvalue()


def darkened(svg: str) -> str:
    """The same picture for a dark ground: colour for colour."""
    swaps = {getattr(LIGHT, name): getattr(DARK, name) for name in ("ink", "faint", "ground")}
    swaps |= dict(zip(LIGHT.linkers, DARK.linkers, strict=True))
    return re.sub("|".join(swaps), lambda found: swaps[found[0]], svg)


def _victims(shown: Sequence[Summary]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((one.linker, one.defence) for one in shown))


def _panel(
    axis: Any, chosen: Sequence[Summary], attacks: Sequence[str], victims: Sequence[tuple[str, str]], heading: str
) -> None:
    linkers = list(dict.fromkeys(linker for linker, _ in victims))
    defences = len({defence for _, defence in victims} - {"none"})
    for number, (linker, defence) in enumerate(victims):
        colour = LIGHT.linkers[linkers.index(linker) % len(LIGHT.linkers)]
        shift = (number - (len(victims) - 1) / 2) * min(0.16, 0.6 / len(victims))
        points = [one for one in chosen if (one.linker, one.defence) == (linker, defence)]
        places = [attacks.index(one.attack) + shift for one in points]
        heights = [100 * (one.accuracy or 0.0) for one in points]
        below = [100 * max(0.0, (one.accuracy or 0.0) - (one.ci_low or 0.0)) for one in points]
        above = [100 * max(0.0, (one.ci_high or 0.0) - (one.accuracy or 0.0)) for one in points]
        axis.errorbar(
            places, heights, yerr=[below, above], fmt="o", markersize=5, color=colour, elinewidth=1.2, clip_on=False,
            markerfacecolor=colour if defence == "none" else LIGHT.ground, label=visible(linker_label(linker, defence, defences)),
        )  # fmt: skip
        floor = next((one.text_accuracy for one in points if one.text_accuracy is not None and one.task == "IT2T"), None)
        if floor is not None:
            axis.axhline(100 * floor, color=colour, linewidth=0.9, linestyle=(0, (5, 4)), alpha=0.8, zorder=1)
    axis.set_title(visible(heading), fontsize=10, loc="left")
    axis.set_ylim(0, 100)
    axis.set_xlim(-0.5, len(attacks) - 0.5)
    titles = [visible(short_title(one)) for one in attacks]
    crowded = max(map(len, titles)) > 8
    axis.set_xticks(range(len(attacks)), titles, rotation=30 if crowded else 0, ha="right" if crowded else "center")
    axis.set_facecolor(LIGHT.ground)
    axis.grid(axis="y", color=LIGHT.faint, linewidth=0.7)
    axis.set_axisbelow(True)
    axis.tick_params(length=0)
    for side, spine in axis.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(LIGHT.faint)
