"""A knowledge base on disk: opened in a moment, whatever its size, and read where it is asked."""

import hashlib
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from robustmel.errors import MissingError
from robustmel.kb.knowledge_base import KnowledgeBase, fold
from robustmel.types import Entity

ENTITIES, NAMES, ABOUT = "entities.parquet", "names.parquet", "about.json"
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("aliases", pa.list_(pa.string())),
        pa.field("qid", pa.string()),
        pa.field("description", pa.string()),
        pa.field("text", pa.string()),
        pa.field("type", pa.string()),
        pa.field("popularity", pa.float64()),
        pa.field("images", pa.list_(pa.string())),
    ]
)
NAME_SCHEMA = pa.schema([("hash", pa.uint64()), ("row", pa.uint32())])
GROUPS_HELD = 64
"""Row groups kept in memory for details; one holds `write.GROUP` entities."""


def name_hash(folded: str) -> int:
    """64 bits of a folded name; lone surrogates count as question marks."""
    return _hash(folded, b"name")


def id_hash(entity_id: str) -> int:
    """64 bits of an id, others than of an equal name."""
    return _hash(entity_id, b"id")


def _hash(text: str, of: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8, person=of).digest(), "little")


class StoredKnowledgeBase(KnowledgeBase):
    """A knowledge base in a folder that `robustmel.kb.write` made; offers all that one in memory offers.

    Ids are a memory-mapped column; all else is read a row group at a time, when an entity is asked for. Ids and folded names are
    found by binary search over sorted 64-bit hashes: among a hundred million names the chance that a query meets another one's
    hash is 1 to 10^11.

    Args:
        folder: With entities.parquet (one row an entity), names.parquet (sorted hashes of names and aliases with their row) and
            about.json.

    Raises:
        MissingError: It is no such folder, or was made by another version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._about = _about(folder)
        self._ids = _table(folder / ENTITIES, ["id"])["id"]
        self._hashes, self._rows = _sorted(folder / NAMES)
        self._group = lru_cache(maxsize=GROUPS_HELD)(self._read_group)

    @property
    def digest(self) -> str:
        """Hash of all entities, as `robustmel.run.keys.kb_digest` makes it; computed when the folder was written."""
        return str(self._about["digest"])

    @property
    def entities(self) -> tuple[Entity, ...]:  # type: ignore[override]
        """All of them, in memory: for small ones; iterate over large ones instead."""
        return tuple(self)

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[Entity]:
        with pq.ParquetFile(self.folder / ENTITIES, memory_map=True) as file:
            for batch in file.iter_batches(batch_size=4096, use_threads=False):
                yield from map(self._entity, batch.to_pylist())

    def __contains__(self, entity_id: object) -> bool:
        return isinstance(entity_id, str) and self._row(entity_id) is not None

    def __getitem__(self, entity_id: str) -> Entity:
        row = self.position(entity_id)
        size = int(self._about["group"])
        return self._entity(self._group(row // size)[row % size])

    def position(self, entity_id: str) -> int:
        """Where an entity stands in the order, from 0; KeyError where it is not there."""
        row = self._row(entity_id)
        if row is None:
            raise KeyError(entity_id)
        return row

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """All entity ids, in order."""
        return tuple(self._ids.to_pylist())

    def named(self, name: str) -> tuple[str, ...]:
        """Ids of the entities with this name or alias, compared folded; in knowledge-base order."""
        return tuple(self._ids[row].as_py() for row in self._found(name_hash(fold(name))))

    def _row(self, entity_id: str) -> int | None:
        return next((row for row in self._found(id_hash(entity_id)) if self._ids[row].as_py() == entity_id), None)

    def _found(self, key: int) -> list[int]:
        """Rows under a hash, ascending."""
        wanted = np.uint64(key)
        start = int(np.searchsorted(self._hashes, wanted))
        rows = []
        while start < len(self._hashes) and self._hashes[start] == wanted:
            rows.append(int(self._rows[start]))
            start += 1
        return rows

    def _read_group(self, number: int) -> list[dict[str, Any]]:
        with pq.ParquetFile(self.folder / ENTITIES, memory_map=True) as file:
            rows: list[dict[str, Any]] = file.read_row_group(number, use_threads=False).to_pylist()
            return rows

    def _entity(self, row: dict[str, Any]) -> Entity:
        return Entity(
            id=row["id"],
            name=row["name"],
            aliases=tuple(row["aliases"] or ()),
            qid=row["qid"],
            description=row["description"] or "",
            text=row["text"] or "",
            type=row["type"],
            popularity=row["popularity"] or 0.0,
            images=tuple(self.folder / image for image in row["images"] or ()),
        )


def _about(folder: Path) -> dict[str, Any]:
    import json

    try:
        about = json.loads((folder / ABOUT).read_text("utf-8"))
    except FileNotFoundError:
        raise MissingError(
            f"no knowledge base in {folder}: expected a folder that `robustmel kb build` made (it has {ABOUT}, written last)."
        ) from None
    except (OSError, ValueError) as problem:
        raise MissingError(f"{folder / ABOUT} cannot be read: {problem}; build the knowledge base again.") from problem
    if not isinstance(about, dict) or about.get("schema") != 1:
        raise MissingError(f"{folder} was made by another version; build the knowledge base again.")
    return about


def _table(path: Path, columns: list[str]) -> dict[str, pa.Array]:
    try:
        table = pq.read_table(path, columns=columns, memory_map=True, use_threads=False)
    except (OSError, pa.ArrowException) as problem:
        raise MissingError(f"{path} cannot be read: {problem}; build the knowledge base again.") from problem
    return {name: _whole(table[name]) for name in columns}


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _sorted(path: Path) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    columns = _table(path, ["hash", "row"])
    return columns["hash"].to_numpy(zero_copy_only=False), columns["row"].to_numpy(zero_copy_only=False)
