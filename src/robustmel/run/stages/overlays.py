"""What an attack wrote over a data set, as tables: a row or a column that is absent stays as it was."""

import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from robustmel.columnar import Columnar, Record, tables
from robustmel.errors import MissingError
from robustmel.kb import KnowledgeBase
from robustmel.run.stages.shards import read_table, write_table
from robustmel.types import Entity, Mention, Query

COLUMNS = {
    "mentions": {"image": pa.string(), "text": pa.string(), "surface": pa.string(), "span": pa.list_(pa.int64())},
    "records": {"gold": pa.string(), "image_of": pa.string()},
    "entities": {"name": pa.string(), "description": pa.string(), "text": pa.string(), "aliases": pa.list_(pa.string())},
}
"""Table -> what may be overlaid of its rows. Images are paths below the folder of the overlay; `image_of` is the id of a record that
lends its image. "records" is what of a training mention no query holds, or no file."""

LOG = [("id", pa.string()), ("status", pa.string()), ("note", pa.string())]
LOG += [("succeeded", pa.bool_()), ("queries", pa.int64()), ("seconds", pa.float64())]
"""What the log of every modality says of a mention; columns of its own follow."""


def write_log(folder: Path, records: Iterable[Record], schema: pa.Schema, order: Sequence[str]) -> pa.Table:
    """Writes `log.parquet`, one row an id of `order`, and returns it; the records may come in any order.

    Raises:
        KeyError: An id has no record.
    """
    import pyarrow.compute as pc  # 10 MB, which a process that perturbs nothing need not carry

    log = pa.concat_tables([schema.empty_table(), *tables(records, schema)])
    places = pc.index_in(pa.array(order, pa.string()), log["id"])
    if places.null_count:
        raise KeyError(f"mention {order[places.is_null().index(True).as_py()]} has no record in the log")
    log = log.take(places)
    write_table(folder / "log.parquet", log, schema)
    return log


def write_overlay(folder: Path, table: str, rows: pa.Table) -> None:
    """Writes `<table>.parquet`: `id` and, where there are rows, what they overlay; None in a row leaves that value as it was."""
    written = rows.select(["id", *(name for name in COLUMNS[table] if len(rows) and name in rows.column_names)])
    write_table(folder / f"{table}.parquet", written, written.schema)


def complete_overlay(folder: Path, before: Path) -> None:
    """Adds to an overlay of mentions what another has beneath it and it has not; images are copied."""
    rows, beneath = read_overlay(folder, "mentions"), read_overlay(before, "mentions")
    for item, row in beneath.items():
        if "image" in row and "image" not in rows.get(item, ()):
            (folder / row["image"]).parent.mkdir(exist_ok=True)
            shutil.copyfile(before / row["image"], folder / row["image"])
        rows[item] = row | rows.get(item, {})
    schema = pa.schema([("id", pa.string()), *COLUMNS["mentions"].items()])
    write_overlay(folder, "mentions", pa.Table.from_pylist([{"id": item, **row} for item, row in rows.items()], schema))


def read_overlay(folder: Path, table: str) -> dict[str, Record]:
    """Id -> what is overlaid of it; empty where the overlay leaves the table alone."""
    path = folder / f"{table}.parquet"
    rows = read_table(path) if path.is_file() else []
    return {row.pop("id"): _stated(row) for row in rows}


def _stated(row: Record) -> Record:
    return {name: value for name, value in row.items() if value is not None}


def overlaid_queries(queries: Columnar[Query], folder: Path, but: Collection[str] = ()) -> Columnar[Query]:
    """The queries with what a variant overlays, but for some columns, in place of their own; a new text without a span has none."""
    import pyarrow.compute as pc

    path = folder / "mentions.parquet"
    rows = pq.read_table(path) if path.is_file() else pa.table({"id": []})
    names = [name for name in rows.column_names if name not in ("id", *but)]
    if not names:
        return queries
    places = pc.index_in(pa.array((query.id for query in queries), pa.string()), rows["id"])
    overlaid = Columnar(rows.select(names).take(places), lambda row: _changes(_stated(row), folder))
    return queries.beside(overlaid, lambda query, changes: replace(query, **changes))


def overlaid_mentions(mentions: Iterable[Mention], ids: Sequence[str], folder: Path) -> Iterator[Mention]:
    """The same for mentions, whose opaque ids are given in their order, with another gold entity or a lent image where there is one."""
    rows, records, mentions = read_overlay(folder, "mentions"), read_overlay(folder, "records"), list(mentions)
    images = {opaque: mention.image for mention, opaque in zip(mentions, ids, strict=True)} if records else {}
    for mention, opaque in zip(mentions, ids, strict=True):
        changes = _changes(rows[opaque], folder) if opaque in rows else {}
        record = records.get(opaque, {})
        changes |= {"gold": record["gold"]} if "gold" in record else {}
        changes |= {"image": images[record["image_of"]]} if "image_of" in record else {}
        yield replace(mention, **changes) if changes else mention


def overlaid_kb(kb: KnowledgeBase, folder: Path) -> KnowledgeBase:
    """The knowledge base with the entities that a variant changed; itself where it changed none.

    Raises:
        MissingError: The overlay names an entity that is not there.
    """
    rows = read_overlay(folder, "entities")
    unknown = next((entity for entity in rows if entity not in kb), None)
    if unknown is not None:
        raise MissingError(f'an attack on the knowledge base changed the entity "{unknown}", which is not in it.')
    return KnowledgeBase(_edited(entity, rows) for entity in kb) if rows else kb


def _edited(entity: Entity, rows: dict[str, Record]) -> Entity:
    changes = rows.get(entity.id, {})
    changes |= {"aliases": tuple(changes["aliases"])} if "aliases" in changes else {}
    return replace(entity, **changes) if changes else entity


def _changes(row: Record, folder: Path) -> dict[str, Any]:
    changes = dict(row)
    if "image" in changes:
        changes["image"] = folder / changes["image"]
    if "text" in changes or "span" in changes:
        span = changes.get("span")
        changes["span"] = None if span is None else (span[0], span[1])
    return changes
