"""Security curves: accuracy against the budget of the attacker, the worst attack at every budget."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from robustmel.report.canvas import BANDS, LIGHT, colour_of, panels
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
    shown = [
        one
        for one in summaries
        if one.accuracy is not None and one.task != "T2T" and not one.untouched and _radius(one) is not None
    ]
    panel = {place for place, radii in _radii(shown).items() if len(radii - {0.0}) >= ENOUGH}
    shown = [one for one in shown if (one.dataset, one.task) in panel]
    return panels(shown, 4.6, lambda axis, chosen: _panel(axis, chosen, shown))


def worst_at(chosen: Sequence[Summary]) -> list[Summary]:
    """Of one victim's rows, the lowest accuracy at each budget, by rising budget."""
    found: dict[float, Summary] = {}
    for one in chosen:
        radius = _radius(one) or 0.0
        if radius not in found or (one.accuracy or 0.0) < (found[radius].accuracy or 0.0):
            found[radius] = one
    return [found[radius] for radius in sorted(found)]


def _radius(one: Summary) -> float | None:
    """The L-infinity radius in pixel units, 0 when clean; None for another threat model."""
    if one.clean:
        return 0.0
    try:
        return float(Fraction(one.budget)) if one.threat_model == "linf" else None
    except (ValueError, ZeroDivisionError):
        return None


def _radii(shown: Sequence[Summary]) -> dict[tuple[str, str], set[float]]:
    radii: defaultdict[tuple[str, str], set[float]] = defaultdict(set)
    for one in shown:
        radii[one.dataset, one.task].add(_radius(one) or 0.0)
    return radii


def _panel(axis: Any, chosen: Sequence[Summary], shown: Sequence[Summary]) -> None:
    victims = list(dict.fromkeys(one.victim for one in shown))
    ticks: dict[float, str] = {}
    for victim in victims:
        points = worst_at([one for one in chosen if one.victim == victim])
        if not points:
            continue
        places = [math.log2(1 + 255 * (_radius(one) or 0.0)) for one in points]
        ticks |= {place: one.budget or "0" for place, one in zip(places, points, strict=True)}
        colour = colour_of(points[0].linker, shown)
        axis.plot(
            places, [100 * (one.accuracy or 0.0) for one in points], marker="o", markersize=4, color=colour, clip_on=False,
            linestyle="-" if points[0].defence == "none" else "--", label=visible(victim),
        )  # fmt: skip
        low, high = (
            [100 * (bound or 0.0) for bound in bounds] for bounds in zip(*((p.ci_low, p.ci_high) for p in points), strict=True)
        )
        if len(victims) <= BANDS:
            axis.fill_between(places, low, high, color=colour, alpha=0.13, linewidth=0)
    axis.set_xticks(list(ticks), [visible(label) for label in ticks.values()])
    axis.axhline(0, color=LIGHT.faint, linewidth=0.7)
