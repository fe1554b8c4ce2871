"""The summaries as JSON: an array of one object a table row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from robustmel.report.summary import Summary


def render(summaries: Sequence[Summary]) -> str:
    """Equal summaries give equal bytes: fixed order, no times, no paths; NaN does not exist, its place is null."""
    return records([one.to_dict() for one in summaries])


def records(rows: Sequence[Mapping[str, object]]) -> str:
    """Plain rows, likewise."""
    lines = [json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows]
    return "[" + ",".join("\n " + line for line in lines) + ("\n]" if lines else "]") + "\n"
