"""Accuracy under attack as a picture: one panel a data set and task, one colour a linker, an interval at every point."""

from collections.abc import Sequence
from typing import Any

from robustmel.report.plot_panels import LIGHT, colour_of, panels
from robustmel.report.sanitise import visible
from robustmel.report.summary import Summary
from robustmel.report.tables.layout import attack_order, in_table, short_title


def accuracy_plot(summaries: Sequence[Summary]) -> str | None:
    """An SVG for a light ground; None where there is nothing to draw.

    Filled marks are linkers as they are, hollow ones defended; the dashed line in a fused panel is what the same linker reaches on
    the text alone. Equal summaries give equal bytes.
    """
    drawn = [
        summary for summary in summaries if summary.accuracy is not None and summary.task != "T2T" and not summary.worst_case
    ]
    plotted = [summary for summary in in_table(drawn) if not summary.untouched]
    attacks = attack_order(plotted)
    width = max(3.4, 1.2 + 0.62 * len(attacks))
    return panels(plotted, width, lambda axis, chosen: _panel(axis, chosen, attacks, plotted))


def _panel(axis: Any, chosen: Sequence[Summary], attacks: Sequence[str], plotted: Sequence[Summary]) -> None:
    victims = list(dict.fromkeys(summary.victim for summary in plotted))
    for number, victim in enumerate(victims):
        points = [point for point in chosen if point.victim == victim]
        if not points:
            continue
        colour = colour_of(points[0].linker, plotted)
        shift = (number - (len(victims) - 1) / 2) * min(0.16, 0.6 / len(victims))
        places = [attacks.index(point.attack) + shift for point in points]
        heights = [100 * (point.accuracy or 0.0) for point in points]
        below = [100 * max(0.0, (point.accuracy or 0.0) - (point.ci_low or 0.0)) for point in points]
        above = [100 * max(0.0, (point.ci_high or 0.0) - (point.accuracy or 0.0)) for point in points]
        axis.errorbar(
            places, heights, yerr=[below, above], fmt="o", markersize=5, color=colour, elinewidth=1.2, clip_on=False,
            markerfacecolor=colour if points[0].defence == "none" else LIGHT.ground, label=visible(victim),
        )  # fmt: skip
        text_alone = next(
            (point.text_accuracy for point in points if point.text_accuracy is not None and point.task == "IT2T"), None
        )
        if text_alone is not None:
            axis.axhline(100 * text_alone, color=colour, linewidth=0.9, linestyle=(0, (5, 4)), alpha=0.8, zorder=1)
    axis.set_xlim(-0.5, len(attacks) - 0.5)
    titles = [visible(short_title(attack)) for attack in attacks]
    crowded = max(map(len, titles)) > 8
    axis.set_xticks(range(len(attacks)), titles, rotation=30 if crowded else 0, ha="right" if crowded else "center")
