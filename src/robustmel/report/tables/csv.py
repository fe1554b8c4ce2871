"""The summaries as CSV: one line a table row, every field a column; nested ones spread over columns or joined by ";"."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import fields

from robustmel.report.credit import KS
from robustmel.report.record import KEY
from robustmel.report.sanitise import csv_cell
from robustmel.report.summary import Summary


def render(summaries: Sequence[Summary]) -> str:
    """RFC 4180 with line feeds; shares in [0, 1]; an empty cell means that there is no such figure."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    names = [*KEY, *(field.name for field in fields(Summary) if field.name != "cell")]
    at_k = [f"hits_at_{k}" for k in KS]
    writer.writerow([column for name in names for column in (at_k if name == "hits_at_k" else [name])])
    for summary in summaries:
        row = summary.to_dict()
        cells: list[object] = []
        for name in names:
            if name == "hits_at_k":
                cells += [(row[name] or {}).get(str(k), "") for k in KS]
            else:
                cells.append(_cell(row[name]))
        writer.writerow(cells)
    return file.getvalue()


def records(rows: Sequence[Mapping[str, object]]) -> str:
    """Plain rows that all have the same keys, likewise; nothing at all where there are no rows."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    if rows:
        writer.writerow(rows[0])
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return file.getvalue()


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        value = "; ".join(f"{key}: {one}" for key, one in value.items())
    elif isinstance(value, list):
        value = "; ".join(str(one) for one in value)
    return csv_cell(value) if isinstance(value, str) else value
