"""Accuracy against the rate of a poison, with intervals, and the published curves behind."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from robustmel.report import Report
from robustmel.report.plots import LIGHT, colour_of, panels
from robustmel.report.sanitise import visible
from robustmel.report.summary import Summary
from robustmel.run.poison_spec import PoisonSpec

Rate = Literal["record_rate", "edit_rate"]


def rate_plot(
    report: Report, poisons: Sequence[PoisonSpec], rate: Rate, published: Sequence[tuple[str, str, str]]
) -> str | None:
    """An SVG for a light ground; None where nothing was linked.

    Published figures are joined to ours by the labels of the poisons ("clare 10%"); "clean" is at a rate of 0.

    Args:
        report: Of the run.
        poisons: The grid's; those that state no such rate are left out.
        rate: What the axis shows.
        published: Data set, condition and accuracy in percent.
    """
    places = {poison.title: place for poison in poisons if (place := _place(poison, rate)) is not None}
    drawn = [row for row in report.summaries if row.accuracy is not None and row.poison in places]
    curves: dict[str, list[tuple[float, float]]] = {}
    for dataset, condition, accuracy in published:
        place = places.get("none" if condition == "clean" else condition)
        if place is not None:
            curves.setdefault(f"the paper, {dataset}", []).append((place, float(accuracy)))
    return panels(drawn, 4.6, lambda axis, chosen: _panel(axis, chosen, drawn, places, curves, rate))


def _place(poison: PoisonSpec, rate: Rate) -> float | None:
    """In percent; None for a poison without that rate."""
    if poison.how is None:
        return 0.0
    value = poison.how.record_rate if rate == "record_rate" else poison.attack.params.get("edit_rate")
    return None if value is None else 100 * float(value)


def _panel(
    axis: Any,
    chosen: Sequence[Summary],
    drawn: Sequence[Summary],
    places: Mapping[str, float],
    curves: Mapping[str, Sequence[tuple[float, float]]],
    rate: Rate,
) -> None:
    for label, points in curves.items():
        axis.plot(
            *zip(*sorted(points), strict=True), color=LIGHT.ink, linewidth=1, linestyle="--", marker=".", label=visible(label)
        )
    for linker in dict.fromkeys(row.linker for row in chosen):
        rows = sorted((row for row in chosen if row.linker == linker), key=lambda row: places[row.poison])
        heights = [100 * (row.accuracy or 0.0) for row in rows]
        low = [100 * ((row.accuracy or 0.0) - (row.ci_low or 0.0)) for row in rows]
        high = [100 * ((row.ci_high or 0.0) - (row.accuracy or 0.0)) for row in rows]
        axis.errorbar(
            [places[row.poison] for row in rows], heights, yerr=[low, high], marker="o", markersize=4, capsize=3,
            color=colour_of(linker, drawn), label=visible(linker),
        )  # fmt: skip
    axis.set_xlabel(f"{rate.replace('_', ' ')}, %")
    axis.set_xticks(sorted(set(places.values())))
