"""A reason to doubt a figure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from robustmel.report.flags.evidence import Evidence
from robustmel.report.flags.kinds import Kind
from robustmel.report.record import KEY, CellRecord, victim_title
from robustmel.types import Cell


@dataclass(frozen=True, slots=True)
class Flag(CellRecord):
    """One reason to doubt the figure of one row.

    Args:
        code: One of `KINDS`.
        seen: What was seen, in a sentence that all rows of one victim share which share the reason.
        advice: What it means and what to do.
    """

    code: str
    seen: str
    advice: str

    @property
    def sentence(self) -> str:
        """What was seen, what it means and what to do."""
        return f"{self.seen} {self.advice}"

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        key = {name: getattr(self.cell, name) for name in KEY}
        return {"code": self.code} | key | {"sentence": self.sentence}


@dataclass(frozen=True, slots=True)
class Examined:
    """What one kind of doubt came to.

    Args:
        code: One of `KINDS`.
        looked: Rows, or pairs of rows, that could be examined; 0 where the grid has nothing to compare.
        flags: Those raised.
    """

    code: str
    looked: int
    flags: tuple[Flag, ...]


def examined(kind: Kind, looked: int, seen: Iterable[tuple[Evidence, str]]) -> Examined:
    """A flag a row; rows of one linker on one data set in one sentence.

    Args:
        kind: Of doubt.
        looked: Rows or pairs that were examined.
        seen: The rows to be doubted, each with what was seen there ("I2T pgd-normal 12.0 %").
    """
    by_victim: defaultdict[Cell, list[tuple[Evidence, str]]] = defaultdict(list)
    for row, phrase in seen:
        by_victim[replace(row.victim, task="T2T")].append((row, phrase))
    flags = []
    for victim, group in by_victim.items():
        where = _listed([phrase for _, phrase in group])
        told = f"{victim_title(victim)} on {victim.dataset}: {kind.says} ({where})."
        rows = dict.fromkeys(row for row, _ in group)
        flags += [Flag(row.summary.cell, kind.code, told, kind.means) for row in rows]
    return Examined(kind.code, looked, tuple(flags))


SHOWN = 4
"""So many phrases stand in a sentence; of the others only the number."""


def _listed(phrases: Sequence[str]) -> str:
    different = list(dict.fromkeys(phrases))
    more = f"; and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
    return "; ".join(different[:SHOWN]) + more
