"""The report's pictures: accuracy under each attack, accuracy against the budget, mentions wrong against the norm.

Each is a grid of panels, a row a data set and a column a task, as an SVG for a light ground; equal summaries give equal bytes.
"""

import io
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from robustmel.report.norms import Curve, Norm
from robustmel.report.sanitise import visible
from robustmel.report.summary import Summary
from robustmel.report.tables.layout import TASK_NAMES, attack_order, in_table, short_title


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
LEGEND_LINE = 0.2
"""Inches that a line of a legend takes."""
BANDS = 5
"""Up to so many lines a panel each has its interval as a band; more of them hide the lines."""
ENOUGH = 3
"""Budgets that make a security curve; fewer are points, and the plot of attacks shows those."""
STYLES: tuple[Any, ...] = ("-", "--", ":", "-.", (0, (1, 3)))
NORM_AXES: dict[Norm, tuple[str, float]] = {
    "l2": ("Euclidean length of the change, pixels in 0 to 1", 1.0),
    "linf": ("largest change of a channel, /255", 255.0),
}
"""What the axis says, and the factor of its unit."""


def accuracy_plot(summaries: Sequence[Summary]) -> str | None:
    """A colour a linker, an interval at every point; None where there is nothing to draw.

    Filled marks are linkers as they are, hollow ones defended; the dashed line in a fused panel is what the same linker reaches on
    the text alone.
    """
    drawn = [row for row in summaries if row.accuracy is not None and row.task != "T2T" and not row.worst_case]
    plotted = [row for row in in_table(drawn) if not row.untouched]
    attacks, victims = attack_order(plotted), list(dict.fromkeys(row.victim for row in plotted))

    def draw(axis: Any, chosen: Sequence[Summary]) -> None:
        for number, points in _by_victim(victims, chosen):
            colour = colour_of(points[0].linker, plotted)
            shift = (number - (len(victims) - 1) / 2) * min(0.16, 0.6 / len(victims))
            low, heights, high = _bounds(points)
            axis.errorbar(
                [attacks.index(point.attack) + shift for point in points], heights,
                yerr=[[max(0.0, height - bound) for height, bound in zip(heights, low, strict=True)],
                      [max(0.0, bound - height) for height, bound in zip(heights, high, strict=True)]],
                fmt="o", markersize=5, color=colour, elinewidth=1.2, clip_on=False,
                markerfacecolor=colour if points[0].defence == "none" else LIGHT.ground, label=visible(points[0].victim),
            )  # fmt: skip
            for text_alone in [row.text_accuracy for row in points if row.text_accuracy is not None and row.task == "IT2T"][:1]:
                axis.axhline(100 * text_alone, color=colour, linewidth=0.9, linestyle=(0, (5, 4)), alpha=0.8, zorder=1)
        axis.set_xlim(-0.5, len(attacks) - 0.5)
        titles = [visible(short_title(attack)) for attack in attacks]
        crowded = max(map(len, titles)) > 8
        axis.set_xticks(range(len(attacks)), titles, rotation=30 if crowded else 0, ha="right" if crowded else "center")

    return panels(plotted, max(3.4, 1.2 + 0.62 * len(attacks)), draw)


def security_curves(summaries: Sequence[Summary]) -> str | None:
    """Accuracy against the budget, the worst attack at each; None unless a linker was attacked at three budgets of one threat model.

    The budget axis is logarithmic beyond 1/255, so that 1/255 and 0.2 are both readable; at 0 stands the clean accuracy.

    Source:
        Biggio & Roli, "Wild Patterns: Ten Years after the Rise of Adversarial Machine Learning", 2018, section 3.
    """
    drawn = [row for row in summaries if row.accuracy is not None and row.task != "T2T" and not row.untouched]
    within = [row for row in drawn if _radius(row) is not None]
    budgets = Counter(
        (dataset, task) for dataset, task, _ in {(row.dataset, row.task, _radius(row)) for row in within if _radius(row)}
    )
    plotted = [row for row in within if budgets[row.dataset, row.task] >= ENOUGH]
    victims = list(dict.fromkeys(row.victim for row in plotted))

    def draw(axis: Any, chosen: Sequence[Summary]) -> None:
        ticks: dict[float, str] = {}
        for _, rows in _by_victim(victims, chosen):
            points = worst_at(rows)
            places = [math.log2(1 + 255 * (_radius(row) or 0.0)) for row in points]
            ticks |= {place: row.budget or "0" for place, row in zip(places, points, strict=True)}
            colour, (low, heights, high) = colour_of(points[0].linker, plotted), _bounds(points)
            line = "-" if points[0].defence == "none" else "--"
            label = visible(points[0].victim)
            axis.plot(places, heights, marker="o", markersize=4, color=colour, clip_on=False, linestyle=line, label=label)
            if len(victims) <= BANDS:
                axis.fill_between(places, low, high, color=colour, alpha=0.13, linewidth=0)
        axis.set_xticks(list(ticks), [visible(label) for label in ticks.values()])
        axis.axhline(0, color=LIGHT.faint, linewidth=0.7)

    return panels(plotted, 4.6, draw)


def worst_at(rows: Sequence[Summary]) -> list[Summary]:
    """Of one victim's rows, the lowest accuracy at each budget, by rising budget."""
    lowest: dict[float, Summary] = {}
    for row in sorted(rows, key=lambda row: row.accuracy or 0.0):
        lowest.setdefault(_radius(row) or 0.0, row)
    return [lowest[radius] for radius in sorted(lowest)]


def _radius(row: Summary) -> float | None:
    """The L-infinity radius of an attack in pixel units, 0 when clean; None for another threat model."""
    return 0.0 if row.clean else row.radius if row.threat_model == "linf" else None


def norm_plots(summaries: Sequence[Summary], curves: Sequence[Curve]) -> list[tuple[Norm, str]]:
    """Mentions wrong against each norm that occurs. The axis of norms is logarithmic; the height at its left is norm 0."""
    pictures = [(norm, _norm_plot(norm, summaries, [curve for curve in curves if curve.norm == norm])) for norm in NORM_AXES]
    return [(norm, svg) for norm, svg in pictures if svg is not None]


def _norm_plot(norm: Norm, summaries: Sequence[Summary], curves: Sequence[Curve]) -> str | None:
    by_cell = {curve.cell: curve for curve in curves if len(curve.norms) > 1}
    plotted = [row for row in summaries if row.cell in by_cell]
    attacks = list(dict.fromkeys(row.attack_on for row in plotted))
    title, factor = NORM_AXES[norm]

    def draw(axis: Any, chosen: Sequence[Summary]) -> None:
        lines = [(row, by_cell[row.cell]) for row in chosen]
        positive = [factor * length for _, curve in lines for length in curve.norms if length > 0]
        start, end = min(positive, default=0.1) / 1.5, max(positive, default=1.0) * 1.2
        for row, curve in lines:
            places = [start, *(factor * length for length in curve.norms[1:]), end]
            low, heights, high = (
                [100 * (share or 0.0) for share in (*shares, shares[-1])] for shares in (curve.low, curve.broken, curve.high)
            )
            colour, style = colour_of(row.linker, plotted), STYLES[attacks.index(row.attack_on) % len(STYLES)]
            of = short_title(row.attack) + (f" on {row.source}" if row.transferred else "")
            label = visible(f"{row.victim}, {of}")
            axis.step(places, heights, where="post", color=colour, linestyle=style, label=label)
            if len(lines) <= BANDS:
                axis.fill_between(places, low, high, step="post", color=colour, alpha=0.1, linewidth=0)
        axis.set_xscale("log")
        axis.set_xlim(start, end)
        ticks = [digit * 10.0**power for power in range(-6, 6) for digit in (1, 2, 5) if start <= digit * 10.0**power <= end]
        axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_xticks([], minor=True)
        axis.set_xlabel(title)

    return panels(plotted, 5.0, draw, "mentions wrong, %")


def _by_victim(victims: Sequence[str], rows: Sequence[Summary]) -> list[tuple[int, list[Summary]]]:
    """The number and the rows of each victim that has some."""
    groups = [(number, [row for row in rows if row.victim == victim]) for number, victim in enumerate(victims)]
    return [(number, group) for number, group in groups if group]


def _bounds(rows: Sequence[Summary]) -> tuple[list[float], list[float], list[float]]:
    """Lower bounds, accuracies and upper bounds, in %."""
    columns = zip(*((row.ci_low, row.accuracy, row.ci_high) for row in rows), strict=True)
    low, heights, high = ([100 * (value or 0.0) for value in column] for column in columns)
    return low, heights, high


def panels(
    summaries: Sequence[Summary], width: float, draw: Callable[[Any, Sequence[Summary]], None], height: str = "accuracy, %"
) -> str | None:
    """An SVG for a light ground, a row a data set, a column a task; None where there is nothing to draw.

    `draw` fills one panel's axes from the summaries of its data set and task; the labels of all make the legend.
    """
    if not summaries:
        return None
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    style: Any = {"svg.hashsalt": "robustmel", "text.parse_math": False, "font.size": 9.5, "font.family": "DejaVu Sans"}
    style |= dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), LIGHT.ink)
    datasets, tasks = (
        list(dict.fromkeys(names)) for names in zip(*((row.dataset, row.task) for row in summaries), strict=True)
    )
    with matplotlib.rc_context(style):
        size = (width * len(tasks), 2.9 * len(datasets) + 0.5)
        figure = Figure(figsize=size, facecolor=LIGHT.ground, layout=ConstrainedLayoutEngine(h_pad=0.12))
        FigureCanvasSVG(figure)
        axes = figure.subplots(len(datasets), len(tasks), squeeze=False, sharey=True)
        for row, dataset in enumerate(datasets):
            for axis, task in zip(axes[row], tasks, strict=True):
                draw(axis, [summary for summary in summaries if (summary.dataset, summary.task) == (dataset, task)])
                _dress(axis, f"{dataset} · {TASK_NAMES[task]}" if len(datasets) > 1 else TASK_NAMES[task])
            axes[row, 0].set_ylabel(height)
        labelled = {
            label: handle for axis in axes.flat for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
        }
        entry = 0.6 + CHARACTER * max(map(len, labelled), default=0)
        columns = max(1, min(4, len(labelled), int(width * axes.shape[1] / entry)))
        entries = math.ceil(len(labelled) / columns)
        figure.set_size_inches(size[0], size[1] + LEGEND_LINE * max(0, entries - 2))  # the figure has room for two
        figure.legend(labelled.values(), labelled.keys(), loc="outside lower center", ncols=columns, frameon=False)
        file = io.StringIO()
        figure.savefig(file, format="svg", facecolor=LIGHT.ground, metadata={"Date": None, "Creator": None})
    return file.getvalue()


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


def colour_of(linker: str, summaries: Sequence[Summary]) -> str:
    """The same colour for a linker in every panel."""
    return LIGHT.linkers[list(dict.fromkeys(summary.linker for summary in summaries)).index(linker) % len(LIGHT.linkers)]


def darkened(svg: str) -> str:
    """The same picture for a dark ground: colour for colour."""
    swaps = {getattr(LIGHT, name): getattr(DARK, name) for name in ("ink", "faint", "ground")}
    swaps |= dict(zip(LIGHT.linkers, DARK.linkers, strict=True))
    return re.sub("|".join(swaps), lambda match: swaps[match[0]], svg)
