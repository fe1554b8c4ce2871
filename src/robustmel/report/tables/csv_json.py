"""Rows for programs: CSV and JSON, with every field of a row."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from robustmel.report.sanitise import csv_cell

Records = Sequence[Mapping[str, Any]]


def to_csv(records: Records, columns: Sequence[str] = ()) -> str:
    """RFC 4180 with line feeds: one line a record, all with the same keys; an empty cell means that there is no such figure.

    Lists and counts by kind are joined by ";", and `hits_at_k` is a column for each k. Where there are no records, `columns` are the head.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    rows = [_flat(record) for record in records]
    columns = list(dict.fromkeys(name for row in rows for name in row)) or columns
    if columns:
        writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return file.getvalue()


def to_json(records: Records) -> str:
    """An array of one object a record. Equal records give equal bytes: fixed order, no times, no paths; null instead of NaN."""
    lines = [json.dumps(record, ensure_ascii=False, allow_nan=False) for record in records]
    return "[" + ",".join("\n " + line for line in lines) + ("\n]" if lines else "]") + "\n"


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in record.items():
        flat |= {f"hits_at_{k}": share for k, share in (value or {}).items()} if name == "hits_at_k" else {name: value}
    return flat


def _cell(value: Any) -> object:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        value = "; ".join(f"{key}: {part}" for key, part in value.items())
    elif isinstance(value, list):
        value = "; ".join(map(str, value))
    return csv_cell(value) if isinstance(value, str) else value
