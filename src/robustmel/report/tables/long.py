"""The long table: one line a cell, with intervals; what the page and the Markdown report show beneath the main one."""

from __future__ import annotations

from collections.abc import Sequence

from robustmel.report.summary import Summary
from robustmel.report.tables.layout import DAGGER, NO_FIGURE, linker_label, percent

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
    """The cells of the long table as strings, unescaped; attacks on a task that reads no image are left out."""
    shown = [one for one in summaries if not one.reads_no_image]
    defences = len({one.defence for one in shown} - {"none"})
    return [_line(one, defences) for one in shown]


def _line(one: Summary, defences: int) -> tuple[str, ...]:
    hits = one.hits_at_k or {}
    return (
        one.dataset,
        one.task,
        linker_label(one.linker, one.defence, defences),
        one.attack,
        "" if one.worst_case else one.budget,
        one.source if one.source not in ("none", one.linker) else "",
        percent(one.accuracy) + (DAGGER if one.above_clean else ""),
        NO_FIGURE if one.ci_low is None else f"{percent(one.ci_low)} to {percent(one.ci_high)}",
        "" if one.clean else percent(one.drop),
        "" if one.drop_low is None else f"{percent(one.drop_low)} to {percent(one.drop_high)}",
        "" if one.clean else percent(one.kept),
        "" if one.clean else percent(one.attack_success),
        "" if one.clean else p_value(one.p_value),
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
