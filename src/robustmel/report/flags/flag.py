"""Reasons to doubt a figure, their kinds, and what a report says of them."""

import json
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

from robustmel.report.flags.evidence import Evidence
from robustmel.report.record import KEY, CellRecord, victim_title
from robustmel.types import Cell

SHOWN = 4
"""So many clauses stand in a sentence; of the others only the number."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of doubt.

    Args:
        code: Names it in JSON and CSV.
        title: Names it in a report.
        means: What follows from it and what to do, a sentence of its own.
        needs: What a grid must hold, or there is nothing to examine.
    """

    code: str
    title: str
    means: str
    needs: str


def _kinds() -> dict[str, Kind]:
    text = (resources.files("robustmel.report.flags") / "kinds.toml").read_text("utf-8")
    return {code: Kind(code, **words) for code, words in tomllib.loads(text).items()}


KINDS: Mapping[str, Kind] = _kinds()
"""By code, in the order of a report."""


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
class Examination:
    """What one kind of doubt came to.

    Args:
        code: One of `KINDS`.
        count: Rows, or pairs of rows, that could be examined; 0 where the grid has nothing to compare.
        flags: Those raised.
        visible: The smallest difference that a comparison of this kind could have called more than chance, as a share of the
            mentions; None where nothing is compared.
    """

    code: str
    count: int
    flags: tuple[Flag, ...]
    visible: float | None = None


def raise_flags(code: str, seen: Iterable[tuple[Evidence, str]], means: str = "") -> tuple[Flag, ...]:
    """A flag a row; rows of one linker on one data set share a sentence.

    Args:
        code: One of `KINDS`.
        seen: The rows to be doubted, each with what was seen there ("I2T pgd-normal found zero gradients on 3 of 32 images").
        means: Stands for what the kind means.
    """
    by_victim: defaultdict[Cell, list[tuple[Evidence, str]]] = defaultdict(list)
    for row, clause in seen:
        by_victim[replace(row.victim, task="T2T")].append((row, clause))
    flags: list[Flag] = []
    for victim, group in by_victim.items():
        seen_sentence = f"{victim_title(victim)} on {victim.dataset}: {_listed([clause for _, clause in group])}."
        rows = dict.fromkeys(row for row, _ in group)
        flags += [Flag(row.summary.cell, code, seen_sentence, means or KINDS[code].means) for row in rows]
    return tuple(flags)


def _listed(clauses: Sequence[str]) -> str:
    different = list(dict.fromkeys(clauses))
    more = f"; and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
    return "; ".join(different[:SHOWN]) + more


def verdict(examined: Sequence[Examination]) -> list[str]:
    """Sentences for the notes of a table: each flag, or that there is none; and what could not be examined."""
    doubts = [(KINDS[kind.code].title, seen, advice) for kind in examined for advice, seen in by_advice(kind).items()]
    sentences = [f"Flag, {title}: {' '.join(seen)} {advice}" for title, seen, advice in doubts]
    if not examined:
        return sentences
    if not sentences:
        sentences.append(f"Flags: none raised{power(examined)}; the report page lists what was checked.")
    missing = [KINDS[kind.code].title for kind in examined if not kind.count and not kind.flags]
    if missing:
        sentences.append(f"Not checked, because the grid has nothing to compare: {', '.join(missing)}.")
    return sentences


def power(examined: Sequence[Examination]) -> str:
    """What flags could not have seen; "" where no rows are compared."""
    least = max((kind.visible for kind in examined if kind.visible is not None), default=None)
    return "" if least is None else f"; a difference of less than {100 * least:.1f} points between two rows would go undetected"


def by_advice(examined: Examination) -> dict[str, list[str]]:
    """Advice -> all that was seen and calls for it, each thing once however many rows it concerns."""
    seen: dict[str, dict[str, None]] = {}
    for flag in examined.flags:
        seen.setdefault(flag.advice, {})[flag.seen] = None
    return {advice: list(sentences) for advice, sentences in seen.items()}


def as_json(examined: Sequence[Examination]) -> str:
    """A JSON object: `flags`, one a row concerned, and by code what was `examined` (rows or pairs) and `visible` (see `Examination`)."""
    body = {
        "flags": [flag.to_dict() for kind in examined for flag in kind.flags],
        "examined": {kind.code: kind.count for kind in examined},
        "visible": {kind.code: round(kind.visible, 8) for kind in examined if kind.visible is not None},
    }
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"
