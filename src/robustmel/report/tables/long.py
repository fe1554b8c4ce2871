"""The long table: one line a cell, with intervals; what the page and the Markdown report show beneath the main one."""

from __future__ import annotations

from collections.abc import Sequence

from robustmel.report.summary import Summary
from robustmel.report.tables.layout import NO_FIGURE, figure, percent

HEADINGS = (
    "data set",
    "task",
    "linker",
    "attack",
    "budget",
    "source",
    "accuracy %",
    "95 % interval",
    "drop",
    "its 95 % interval",
    "kept %",
    "attack success %",
    "p",
    "image view %",
    "fused view %",
    "L∞ /255",
    "L2",
    "hits@3 %",
    "hits@5 %",
    "MRR",
    "ties",
    "errors",
    "n",
)
TEXT_COLUMNS = 6
"""So many columns from the left hold words, the rest figures."""


def lines(summaries: Sequence[Summary]) -> list[tuple[str, ...]]:
    """The cells of the long table as strings, unescaped; what no attack touches is left out as in the main table."""
    attacked = {one.task for one in summaries if not one.clean and not one.untouched}
    return [_line(one) for one in summaries if not one.untouched or one.task in attacked]


def _line(one: Summary) -> tuple[str, ...]:
    hits, plain = one.hits_at_k or {}, one.clean or one.untouched
    return (
        one.dataset,
        one.task,
        one.victim,
        one.attack,
        "" if one.worst_case else one.budget,
        one.source if one.transferred else "",
        figure(one),
        NO_FIGURE if one.ci_low is None else f"{percent(one.ci_low)} to {percent(one.ci_high)}",
        "" if plain else percent(one.drop),
        "" if one.drop_low is None else f"{percent(one.drop_low)} to {percent(one.drop_high)}",
        "" if plain else percent(one.kept),
        "" if plain else percent(one.attack_success),
        "" if plain else p_value(one.p_value),
        "" if one.accuracy_image_view is None else percent(one.accuracy_image_view),
        "" if one.accuracy_fused_view is None else percent(one.accuracy_fused_view),
        "" if one.median_linf is None else f"{255 * one.median_linf:.1f}",
        "" if one.median_l2 is None else f"{one.median_l2:.2f}",
        percent(hits.get("3")),
        percent(hits.get("5")),
        NO_FIGURE if one.mrr is None else f"{one.mrr:.3f}",
        f"{one.ties:,}",
        f"{one.errors:,}",
        f"{one.n:,}",
    )


def p_value(value: float | None) -> str:
    """Three decimals, "<0.001" below them."""
    if value is None:
        return NO_FIGURE
    return "<0.001" if value < 0.001 else f"{value:.3f}"
