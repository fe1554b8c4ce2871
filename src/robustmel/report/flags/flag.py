"""A reason to doubt a figure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from robustmel.report.flags.evidence import Evidence
from robustmel.report.flags.kinds import Kind
from robustmel.report.tables.layout import linker_label


@dataclass(frozen=True, slots=True)
class Flag:
    """One reason to doubt the figure of one row.

    Args:
        code: One of `KINDS`.
        dataset: Of the row, as all names after it.
        task: "I2T" or "IT2T".
        linker: The victim.
        source: The linker whose scores the attack read; "none" if it read none.
        defence: "none", or its name.
        attack: As the grid calls it.
        seen: What was seen, in a sentence that all rows of one linker share which share the reason.
        advice: What it means and what to do.
    """

    code: str
    dataset: str
    task: str
    linker: str
    source: str
    defence: str
    attack: str
    seen: str
    advice: str

    @property
    def sentence(self) -> str:
        """What was seen, what it means and what to do."""
        return f"{self.seen} {self.advice}"

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        body = asdict(self)
        del body["seen"], body["advice"]
        return body | {"sentence": self.sentence}


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
    found: defaultdict[tuple[str, str, str], list[tuple[Evidence, str]]] = defaultdict(list)
    for row, phrase in seen:
        found[row.summary.dataset, row.summary.linker, row.summary.defence].append((row, phrase))
    flags = []
    for (dataset, linker, defence), group in found.items():
        where = _listed([phrase for _, phrase in group])
        told = f"{linker_label(linker, defence, 2)} on {dataset}: {kind.says} ({where})."
        rows = (row.summary for row in dict.fromkeys(row for row, _ in group))
        flags += [Flag(kind.code, dataset, one.task, linker, one.source, defence, one.attack, told, kind.means) for one in rows]
    return Examined(kind.code, looked, tuple(flags))


SHOWN = 4
"""So many phrases stand in a sentence; of the others only the number."""


def _listed(phrases: Sequence[str]) -> str:
    different = list(dict.fromkeys(phrases))
    more = f"; and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
    return "; ".join(different[:SHOWN]) + more
