"""The verdicts for a terminal, and as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence

from robustmel.selftest.verdict import Verdict
from robustmel.version import __version__

NARROWEST = 40
"""Columns for what the tool said, at least."""


def text(verdicts: Sequence[Verdict], width: int) -> str:
    """A line a victim, wrapped to `width` columns; under one that failed, why."""
    return "\n".join(_lines(verdicts, width)) + "\n"


def _lines(verdicts: Sequence[Verdict], width: int) -> Iterator[str]:
    heads = ("", "victim", "known", "what the tool said")
    rows = [("passed" if one.passed else "FAILED", one.victim, one.known, one.said) for one in verdicts]
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(3)]
    left = sum(widths) + 2 * len(widths)
    room = max(NARROWEST, width - left)
    for row, faults in zip([heads, *rows], [(), *(one.faults for one in verdicts)], strict=True):
        said = textwrap.wrap(row[3], room) or [""]
        yield ("".join(cell.ljust(size + 2) for cell, size in zip(row, widths, strict=False)) + said[0]).rstrip()
        yield from (" " * left + line for line in said[1:])
        for fault in faults:
            yield from textwrap.wrap(
                f"{fault}.", max(NARROWEST, width - 10), initial_indent=" " * 8 + "- ", subsequent_indent=" " * 10
            )


def as_json(verdicts: Sequence[Verdict], seconds: float) -> str:
    """A JSON object: `passed`, `seconds`, `robustmel` (the version), `verdicts`."""
    body = {
        "passed": all(one.passed for one in verdicts),
        "seconds": round(seconds, 1),
        "robustmel": __version__,
        "verdicts": [one.to_dict() for one in verdicts],
    }
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"
