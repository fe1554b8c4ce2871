"""What a report says about its own figures."""

from __future__ import annotations

import json
from collections.abc import Sequence

from robustmel.report.flags.flag import Examined
from robustmel.report.flags.kinds import KINDS


def verdict(examined: Sequence[Examined]) -> list[str]:
    """Sentences for the notes of a table: each flag, or that there is none; and what could not be examined."""
    told = [(KINDS[one.code].title, seen, advice) for one in examined for advice, seen in by_advice(one).items()]
    found = [f"Flag, {title}: {' '.join(seen)} {advice}" for title, seen, advice in told]
    if not examined:
        return found
    if not found:
        found.append("Flags: none raised; the report page lists what was checked.")
    missing = [KINDS[one.code].title for one in examined if not one.looked and not one.flags]
    if missing:
        found.append(f"Not checked, because this grid has nothing to compare: {', '.join(missing)}.")
    return found


def by_advice(examined: Examined) -> dict[str, list[str]]:
    """Advice -> all that was seen and calls for it, each thing once however many rows it concerns."""
    found: dict[str, dict[str, None]] = {}
    for flag in examined.flags:
        found.setdefault(flag.advice, {})[flag.seen] = None
    return {advice: list(seen) for advice, seen in found.items()}


def as_json(examined: Sequence[Examined]) -> str:
    """A JSON object: `flags`, one a row concerned, and `examined`, code -> rows or pairs of rows that were looked at."""
    body = {
        "flags": [flag.to_dict() for one in examined for flag in one.flags],
        "examined": {one.code: one.looked for one in examined},
    }
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"
