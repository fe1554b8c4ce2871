"""Mentions in columns: a data set of any size is a table, and a record of it an object while it is looked at."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from robustmel.columnar import REPEATED, Columnar, Record, plain, tables
from robustmel.types import Mention

COLUMNS = pa.schema(
    {
        "id": pa.string(),
        "gold": REPEATED,
        "surface": pa.string(),
        "text": pa.string(),
        "span": pa.list_(pa.int32()),
        "image": pa.binary(),
        "candidates": pa.list_(REPEATED),
        "split": REPEATED,
        "topic": REPEATED,
        "box": pa.list_(pa.float64()),
    }
)
"""The fields of `Mention`; an image's path in the bytes of the file system."""


def in_columns(mentions: Iterable[Mention]) -> Columnar[Mention]:
    """Mentions, looked at one after the other."""
    records = ({name: _written(getattr(mention, name)) for name in COLUMNS.names} for mention in mentions)
    return Columnar.of(tables(records, plain(COLUMNS)), COLUMNS, _mention)


def _written(value: Any) -> Any:
    return os.fsencode(value) if isinstance(value, Path) else value


def _mention(record: Record) -> Mention:
    """An id that is in many lists is one object in all of them."""
    fields: Record = {name: tuple(value) if isinstance(value := record[name], list) else value for name in COLUMNS.names}
    if fields["image"] is not None:
        fields["image"] = Path(os.fsdecode(fields["image"]))
    if fields["candidates"] is not None:
        fields["candidates"] = tuple(map(sys.intern, fields["candidates"]))
    return Mention(**fields)
