"""The visual-attack paper's sentences held against its own tables."""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.resources import files
from statistics import fmean
from typing import Any

from robustmel.experiments.table_text import columns
from robustmel.experiments.visual.paper_tables import (
    ATTACKS,
    DUAL_ENCODERS,
    MLLMS,
    PAPER,
    RAW,
    RETLINK,
    PaperRow,
    chosen,
    paired,
    repeated_rows,
)  # fmt: skip

HALF_A_DIGIT = 0.05 + 1e-9
"""Points by which a figure of one decimal may differ."""
TASKS = {"i2t": "I2T", "it2t": "IT2T"}

Claim = Mapping[str, Any]


def claims_text() -> str:
    """All of it as Markdown: gain and drop by block, each claim with what the tables say, and the rows that repeat."""
    return "\n".join([*_blocks(), "", *_claims(), "", *_repeats()]) + "\n"


def read_claims() -> list[dict[str, Any]]:
    """The claims."""
    claims: list[dict[str, Any]] = tomllib.loads((files("robustmel.experiments.visual") / "claims.toml").read_text("utf-8"))[
        "claims"
    ]
    return claims


def computed(claim: Claim) -> list[float]:
    """What the tables say in the place of the claim's figures, in percent or points."""
    return _KINDS[claim["kind"]](claim)


def agrees(claim: Claim) -> bool:
    """Whether they say the same, to the digit given."""
    figures = computed(claim)
    if claim["kind"] == "every-drop":
        return bool(min(figures) > claim["says"][0])
    if claim["kind"] == "drop":  # one figure for several columns: any of them will do
        return any(abs(figure - claim["says"][0]) <= HALF_A_DIGIT for figure in figures)
    return all(abs(figure - said) <= HALF_A_DIGIT for figure, said in zip(figures, claim["says"], strict=True))


def gains() -> list[float]:
    """Of every cell of Tables 2 and 4: the accuracy behind LLM-RetLink less the one without, in points."""
    return [
        round(after.accuracy[column] - before.accuracy[column], 1)
        for before, after in paired(chosen(defence="none"))
        for column in (RAW, *ATTACKS)
    ]


def _row(cell: Sequence[str], defence: str = "") -> PaperRow:
    linker, stated, dataset, task, _ = cell
    (row,) = chosen(linker=linker, defence=defence or stated, dataset=dataset, task=task)
    return row


def _cells(claim: Claim) -> list[float]:
    return [_row(cell).accuracy[cell[-1]] for cell in claim["cells"]]


def _drops(claim: Claim) -> list[float]:
    return [_row(cell).raw - _row(cell).accuracy[cell[-1]] for cell in claim["cells"]]


def _gain(claim: Claim) -> list[float]:
    return [_row(cell, RETLINK).accuracy[cell[-1]] - _row(cell).accuracy[cell[-1]] for cell in claim["cells"]]


def _mean_drops(claim: Claim) -> list[float]:
    return [fmean(row.drop for row in chosen(linker=linker, task=claim["task"], defence="none")) for linker in claim["linkers"]]


def _mean_gain(claim: Claim) -> list[float]:
    pairs = paired(chosen(table=claim["table"], task=claim["task"], defence="none"))
    return [fmean(after.raw - before.raw for before, after in pairs)]


def _range(claim: Claim) -> list[float]:
    return [min(gains()), max(gains())]


_KINDS: Mapping[str, Callable[[Claim], list[float]]] = {
    "cell": _cells, "drop": _drops, "every-drop": _drops, "gain": _gain,
    "mean-drop": _mean_drops, "mean-gain": _mean_gain, "range": _range,
}  # fmt: skip


def _blocks() -> Iterator[str]:
    """By kind of linker and task: what LLM-RetLink adds with and without an attack, and what an attack takes with and without it."""
    head = ("", "gain, RAW", "gain, attacked", "drop without", "drop with", "share kept without", "share kept with")
    rows: list[tuple[str, ...]] = [head]
    for kind, linkers in (("dual encoders", DUAL_ENCODERS), ("MLLMs", MLLMS)):
        for task, shown in TASKS.items():
            pairs = paired(chosen(linker=linkers, task=task, defence="none"))
            gained = [fmean(after.accuracy[name] - before.accuracy[name] for before, after in pairs) for name in ATTACKS]
            raw = fmean(after.raw - before.raw for before, after in pairs)
            drops = [fmean(row.drop for row in side) for side in zip(*pairs, strict=True)]
            kept = [fmean(row.kept for row in side) for side in zip(*pairs, strict=True)]
            sides = [*(f"{drop:.1f}" for drop in drops), *(f"{share:.3f}" for share in kept)]
            rows.append((f"{kind}, {shown}", f"{raw:+.1f}", f"{min(gained):+.1f} to {max(gained):+.1f}", *sides))
    yield from columns(rows)
    changes = gains()
    worse = sum(gain < 0 for gain in changes)
    yield ""
    yield (
        f"Of {len(changes)} cells {worse} get worse behind LLM-RetLink; the changes go from {min(changes):+.1f} to {max(changes):+.1f} points."
    )


def _claims() -> Iterator[str]:
    rows = [(f"{PAPER} say", "their tables", "")]
    for claim in read_claims():
        figures = ", ".join(f"{figure:.1f}" for figure in computed(claim))
        rows.append((claim["quote"], figures, "agrees" if agrees(claim) else "**differs**" + _elsewhere(claim)))
    yield from columns(rows)


def _elsewhere(claim: Claim) -> str:
    """Where a misquoted cell's figure stands in the rows of the same linker, data set and task."""
    if claim["kind"] != "cell":
        return ""
    places = []
    for cell, said, figure in zip(claim["cells"], claim["says"], computed(claim), strict=True):
        if abs(said - figure) > HALF_A_DIGIT:
            row = _row(cell)
            places += [f"{said} is {column.upper()}" for column, value in row.accuracy.items() if abs(value - said) < 1e-9]
    return f" ({'; '.join(places)})" if places else ""


def _repeats() -> Iterator[str]:
    yield "Rows whose figures under attack are the same on two data sets:"
    yield ""
    for one, other in repeated_rows():
        differing = sum(mine != theirs for mine, theirs in zip(one.attacked, other.attacked, strict=True))
        star = "*" if one.defence == RETLINK else ""
        but = " but for one cell" if differing else ""
        yield f"- {one.linker}{star}, {TASKS[one.task]}: {one.dataset} (RAW {one.raw}) and {other.dataset} (RAW {other.raw}){but}"
