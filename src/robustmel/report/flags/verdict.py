"""What a report says about its own figures."""

import json
from collections.abc import Sequence

from robustmel.report.flags.flag import KINDS, Examination


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
