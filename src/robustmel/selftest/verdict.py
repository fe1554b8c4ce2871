"""The selftest's verdicts, for a terminal and as JSON."""

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from robustmel.version import __version__

NARROWEST = 40
"""Columns for what was reported, at least."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the table.

    Args:
        victim: Who was attacked.
        known: What is known of it beforehand.
        reported: What the tool reported about it.
        faults: What is wrong, a sentence each; empty where all is as it should be.
        weaker: How an attack of the user's falls short without being wrong, a sentence each.
        skipped: It was not tested; `reported` says why.
    """

    victim: str
    known: str
    reported: str
    faults: tuple[str, ...] = ()
    weaker: tuple[str, ...] = ()
    skipped: bool = False

    @property
    def passed(self) -> bool:
        """Whether the tool was right."""
        return not self.faults

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self) | {"faults": list(self.faults), "weaker": list(self.weaker), "passed": self.passed}


def text(verdicts: Sequence[Verdict], width: int) -> str:
    """A line a victim, wrapped to `width` columns; under one that failed, or showed an attack to be weaker, why."""
    return "\n".join(_lines(verdicts, width)) + "\n"


def _lines(verdicts: Sequence[Verdict], width: int) -> Iterator[str]:
    heads = ("", "victim", "known", "reported")
    states = [_state(verdict) for verdict in verdicts]
    rows = [(state, verdict.victim, verdict.known, verdict.reported) for state, verdict in zip(states, verdicts, strict=True)]
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(3)]
    left = sum(widths) + 2 * len(widths)
    room = max(NARROWEST, width - left)
    reasons = [(), *(verdict.faults + verdict.weaker for verdict in verdicts)]
    for row, sentences in zip([heads, *rows], reasons, strict=True):
        wrapped = textwrap.wrap(row[3], room) or [""]
        yield ("".join(cell.ljust(size + 2) for cell, size in zip(row, widths, strict=False)) + wrapped[0]).rstrip()
        yield from (" " * left + line for line in wrapped[1:])
        for sentence in sentences:
            yield from textwrap.wrap(
                f"{sentence}.", max(NARROWEST, width - 10), initial_indent=" " * 8 + "- ", subsequent_indent=" " * 10
            )


def _state(verdict: Verdict) -> str:
    if verdict.skipped:
        return "-"
    return ("weaker" if verdict.weaker else "passed") if verdict.passed else "FAILED"


def as_json(verdicts: Sequence[Verdict], seconds: float) -> str:
    """A JSON object: `passed`, `seconds`, `robustmel` (the version), `verdicts`."""
    body = {
        "passed": all(verdict.passed for verdict in verdicts),
        "seconds": round(seconds, 1),
        "robustmel": __version__,
        "verdicts": [verdict.to_dict() for verdict in verdicts],
    }
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"
