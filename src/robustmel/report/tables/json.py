"""The summaries as JSON: an array of one object a table row."""

from __future__ import annotations

import json
from collections.abc import Sequence

from robustmel.report.summary import Summary


def render(summaries: Sequence[Summary]) -> str:
    """Equal summaries give equal bytes: fixed order, no times, no paths; NaN does not exist, its place is null."""
    rows = [json.dumps(one.to_dict(), ensure_ascii=False, allow_nan=False) for one in summaries]
    return "[" + ",".join("\n " + row for row in rows) + ("\n]" if rows else "]") + "\n"
