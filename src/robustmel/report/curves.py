"""Security curves: accuracy against the budget of the attacker, the worst attack at every budget."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from robustmel.report.plot_panels import BANDS, LIGHT, colour_of, panels
from robustmel.report.sanitise import visible
from robustmel.report.summary import Summary

ENOUGH = 3
"""Budgets that make a curve; fewer are points, and the plot of attacks shows those."""


def security_curves(summaries: Sequence[Summary]) -> str | None:
    """An SVG for a light ground; None unless some linker was attacked at three budgets or more under one threat model.

    The budget axis is logarithmic beyond 1/255, so that 1/255 and 0.2 are both readable; at 0 stands the clean accuracy.

    Source:
        Biggio & Roli, "Wild Patterns: Ten Years after the Rise of Adversarial Machine Learning", 2018, section 3.
    """
    plotted = [
        row
        for row in summaries
        if row.accuracy is not None and row.task != "T2T" and not row.untouched and _radius(row) is not None
    ]
    budgets = {(row.dataset, row.task, _radius(row)) for row in plotted if _radius(row)}
    enough = Counter((dataset, task) for dataset, task, _ in budgets)
    plotted = [row for row in plotted if enough[row.dataset, row.task] >= ENOUGH]
    return panels(plotted, 4.6, lambda axis, chosen: _panel(axis, chosen, plotted))


def worst_at(chosen: Sequence[Summary]) -> list[Summary]:
    """Of one victim's rows, the lowest accuracy at each budget, by rising budget."""
    lowest: dict[float, Summary] = {}
    for row in chosen:
        radius = _radius(row) or 0.0
        if radius not in lowest or (row.accuracy or 0.0) < (lowest[radius].accuracy or 0.0):
            lowest[radius] = row
    return [lowest[radius] for radius in sorted(lowest)]


def _radius(row: Summary) -> float | None:
    """The L-infinity radius of an attack in pixel units, 0 when clean; None for another threat model."""
    return 0.0 if row.clean else row.radius if row.threat_model == "linf" else None


def _panel(axis: Any, chosen: Sequence[Summary], plotted: Sequence[Summary]) -> None:
    victims = list(dict.fromkeys(row.victim for row in plotted))
    ticks: dict[float, str] = {}
    for victim in victims:
        points = worst_at([row for row in chosen if row.victim == victim])
        if not points:
            continue
        places = [math.log2(1 + 255 * (_radius(row) or 0.0)) for row in points]
        ticks |= {place: row.budget or "0" for place, row in zip(places, points, strict=True)}
        colour = colour_of(points[0].linker, plotted)
        axis.plot(
            places, [100 * (row.accuracy or 0.0) for row in points], marker="o", markersize=4, color=colour, clip_on=False,
            linestyle="-" if points[0].defence == "none" else "--", label=visible(victim),
        )  # fmt: skip
        low, high = (
            [100 * (bound or 0.0) for bound in bounds] for bounds in zip(*((p.ci_low, p.ci_high) for p in points), strict=True)
        )
        if len(victims) <= BANDS:
            axis.fill_between(places, low, high, color=colour, alpha=0.13, linewidth=0)
    axis.set_xticks(list(ticks), [visible(label) for label in ticks.values()])
    axis.axhline(0, color=LIGHT.faint, linewidth=0.7)
