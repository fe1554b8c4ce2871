"""The long table: one line a cell, with intervals; what the page and the Markdown report show beneath the main one."""

from collections.abc import Callable, Mapping, Sequence

from robustmel.report.summary import Summary
from robustmel.report.tables.layout import NO_FIGURE, figure, percent
from robustmel.report.tables.sheet import Sheet


def _between(low: float | None, high: float | None, none: str = "") -> str:
    return none if low is None else f"{percent(low)} to {percent(high)}"


def _attacked(value: str, row: Summary) -> str:
    return "" if row.clean or row.untouched else value


def _known(value: float | None, text: Callable[[float], str] = percent, none: str = "") -> str:
    return none if value is None else text(value)


def _hits(row: Summary, k: str) -> str:
    return percent((row.hits_at_k or {}).get(k))


WORDS: Mapping[str, Callable[[Summary], str]] = {
    "data set": lambda row: row.dataset,
    "task": lambda row: row.task,
    "linker": lambda row: row.victim,
    "attack": lambda row: row.attack,
    "budget": lambda row: "" if row.worst_case else row.budget,
    "source": lambda row: row.source if row.transferred else "",
}
FIGURES: Mapping[str, Callable[[Summary], str]] = {
    "accuracy %": figure,
    "95 % interval": lambda row: _between(row.ci_low, row.ci_high, NO_FIGURE),
    "drop": lambda row: _attacked(percent(row.drop), row),
    "its 95 % interval": lambda row: _between(row.drop_low, row.drop_high),
    "kept %": lambda row: _attacked(percent(row.kept), row),
    "attack success %": lambda row: _attacked(percent(row.attack_success), row),
    "p": lambda row: _attacked(p_value(row.p_value), row),
    "image view %": lambda row: _known(row.accuracy_image_view),
    "fused view %": lambda row: _known(row.accuracy_fused_view),
    "L∞ /255": lambda row: _known(row.median_linf, lambda norm: f"{255 * norm:.1f}"),
    "L2": lambda row: _known(row.median_l2, lambda norm: f"{norm:.2f}"),
    "hits@3 %": lambda row: _hits(row, "3"),
    "hits@5 %": lambda row: _hits(row, "5"),
    "MRR": lambda row: _known(row.mrr, lambda mean: f"{mean:.3f}", NO_FIGURE),
    "ties": lambda row: f"{row.ties:,}",
    "errors": lambda row: f"{row.errors:,}",
    "n": lambda row: f"{row.n:,}",
    "seeds": lambda row: f"{len(row.seeds):,}",
}


def long_sheet(summaries: Sequence[Summary]) -> Sheet:
    """The long table; what no attack touches is left out as in the main table."""
    attacked = {row.task for row in summaries if not row.clean and not row.untouched}
    columns = {**WORDS, **FIGURES}
    lines = (tuple(cell(row) for cell in columns.values()) for row in summaries if not row.untouched or row.task in attacked)
    return Sheet(tuple(columns), len(WORDS), tuple(lines))


def p_value(value: float | None) -> str:
    """Three decimals, "<0.001" below them."""
    return NO_FIGURE if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"
