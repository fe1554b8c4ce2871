"""Accuracy under attack as a picture: one panel a data set and task, one colour a linker, an interval at every point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from robustmel.report.canvas import LIGHT, colour_of, panels
from robustmel.report.sanitise import visible
from robustmel.report.summary import Summary
from robustmel.report.tables.layout import attack_order, in_table, short_title


def accuracy_plot(summaries: Sequence[Summary]) -> str | None:
    """An SVG for a light ground; None where there is nothing to draw.

    Filled marks are linkers as they are, hollow ones defended; the dashed line in a fused panel is what the same linker reaches on
    the text alone. Equal summaries give equal bytes.
    """
    drawn = [one for one in summaries if one.accuracy is not None and one.task != "T2T" and not one.worst_case]
    shown = [one for one in in_table(drawn) if not one.untouched]
    attacks = attack_order(shown)
    width = max(3.4, 1.2 + 0.62 * len(attacks))
    return panels(shown, width, lambda axis, chosen: _panel(axis, chosen, attacks, shown))


def _panel(axis: Any, chosen: Sequence[Summary], attacks: Sequence[str], shown: Sequence[Summary]) -> None:
    victims = list(dict.fromkeys(one.victim for one in shown))
    for number, victim in enumerate(victims):
        points = [one for one in chosen if one.victim == victim]
        if not points:
            continue
        colour = colour_of(points[0].linker, shown)
        shift = (number - (len(victims) - 1) / 2) * min(0.16, 0.6 / len(victims))
        places = [attacks.index(one.attack) + shift for one in points]
        heights = [100 * (one.accuracy or 0.0) for one in points]
        below = [100 * max(0.0, (one.accuracy or 0.0) - (one.ci_low or 0.0)) for one in points]
        above = [100 * max(0.0, (one.ci_high or 0.0) - (one.accuracy or 0.0)) for one in points]
        axis.errorbar(
            places, heights, yerr=[below, above], fmt="o", markersize=5, color=colour, elinewidth=1.2, clip_on=False,
            markerfacecolor=colour if points[0].defence == "none" else LIGHT.ground, label=visible(victim),
        )  # fmt: skip
        floor = next((one.text_accuracy for one in points if one.text_accuracy is not None and one.task == "IT2T"), None)
        if floor is not None:
            axis.axhline(100 * floor, color=colour, linewidth=0.9, linestyle=(0, (5, 4)), alpha=0.8, zorder=1)
    axis.set_xlim(-0.5, len(attacks) - 0.5)
    titles = [visible(short_title(one)) for one in attacks]
    crowded = max(map(len, titles)) > 8
    axis.set_xticks(range(len(attacks)), titles, rotation=30 if crowded else 0, ha="right" if crowded else "center")
