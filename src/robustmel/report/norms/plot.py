"""Success against norm as a picture: a panel a data set and task, a colour a linker, a line style an attack."""

from collections.abc import Sequence
from typing import Any

from robustmel.report.norms.curve import Curve, Norm
from robustmel.report.plot_panels import BANDS, colour_of, panels
from robustmel.report.sanitise import visible
from robustmel.report.summary import Summary
from robustmel.report.tables.layout import short_title

STYLES: tuple[Any, ...] = ("-", "--", ":", "-.", (0, (1, 3)))
AXIS = {"l2": "Euclidean length of the change, pixels in 0 to 1", "linf": "largest change of a channel, /255"}
FACTOR = {"l2": 1.0, "linf": 255.0}


def norm_plots(summaries: Sequence[Summary], curves: Sequence[Curve]) -> list[tuple[Norm, str]]:
    """For each norm that occurs, an SVG for a light ground. The axis of norms is logarithmic; the height at its left is norm 0."""
    norms: tuple[Norm, ...] = ("l2", "linf")
    pictures = ((norm, _picture(norm, summaries, [curve for curve in curves if curve.norm == norm])) for norm in norms)
    return [(norm, svg) for norm, svg in pictures if svg is not None]


def _picture(norm: Norm, summaries: Sequence[Summary], curves: Sequence[Curve]) -> str | None:
    known = {curve.cell: curve for curve in curves if len(curve.norms) > 1}
    plotted = [row for row in summaries if row.cell in known]
    attacks = list(dict.fromkeys(row.attack_on for row in plotted))

    def draw(axis: Any, chosen: Sequence[Summary]) -> None:
        lines = [(row, known[row.cell]) for row in chosen]
        positive = [FACTOR[norm] * length for _, curve in lines for length in curve.norms if length > 0]
        start, end = min(positive, default=0.1) / 1.5, max(positive, default=1.0) * 1.2
        for row, curve in lines:
            places = [start, *(FACTOR[norm] * length for length in curve.norms[1:]), end]
            colour = colour_of(row.linker, plotted)
            of = short_title(row.attack) + (f" on {row.source}" if row.transferred else "")
            label = visible(f"{row.victim}, {of}")
            style = STYLES[attacks.index(row.attack_on) % len(STYLES)]
            heights = [100 * share for share in (*curve.broken, curve.broken[-1])]
            axis.step(places, heights, where="post", color=colour, linestyle=style, label=label)
            low, high = ([100 * (bound or 0.0) for bound in (*side, side[-1])] for side in (curve.low, curve.high))
            if len(lines) <= BANDS:
                axis.fill_between(places, low, high, step="post", color=colour, alpha=0.1, linewidth=0)
        axis.set_xscale("log")
        axis.set_xlim(start, end)
        ticks = [digit * 10.0**power for power in range(-6, 6) for digit in (1, 2, 5) if start <= digit * 10.0**power <= end]
        axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_xticks([], minor=True)
        axis.set_xlabel(AXIS[norm])

    return panels(plotted, 5.0, draw, "mentions wrong, %")
