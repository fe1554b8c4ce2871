"""Writing a knowledge base to disk, as a stream: memory holds one row group and the hashes of the names."""

import json
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from robustmel.errors import MissingError
from robustmel.kb.fields import Digest, entity_fields
from robustmel.kb.knowledge_base import fold
from robustmel.kb.stored import ABOUT, ENTITIES, NAME_SCHEMA, NAMES, SCHEMA, id_hash, name_hash
from robustmel.records.new_folder import new_folder
from robustmel.types import Entity

GROUP = 1024
"""Entities a row group: what is read for the details of one of them."""


def write_kb(entities: Iterable[Entity], folder: Path, source: str = "") -> int:
    """Writes entities into a folder for `StoredKnowledgeBase`; returns how many there were.

    The folder appears whole or not at all. About 20 bytes a name stay in memory.

    Args:
        entities: In the order in which candidates and ties are listed; read once.
        folder: Must not be there yet.
        source: What they were made from, for the reader of about.json.

    Raises:
        MissingError: The folder is there already or cannot be written, or two entities have the same id.
    """
    with new_folder(folder) as unfinished:
        digest = Digest()
        hashes, rows, count = _write_entities(entities, unfinished, folder, digest)
        order = np.lexsort((rows, hashes))
        table = pa.table([pa.array(hashes[order]), pa.array(rows[order])], schema=NAME_SCHEMA)
        pq.write_table(table, unfinished / NAMES, compression="none", use_dictionary=False)
        about = {"schema": 1, "entities": count, "group": GROUP, "digest": digest.hexdigest(), "source": source}
        (unfinished / ABOUT).write_text(json.dumps(about, indent=2) + "\n", "utf-8")
    return count


def _write_entities(
    entities: Iterable[Entity], unfinished: Path, folder: Path, digest: Digest
) -> tuple[NDArray[np.uint64], NDArray[np.uint32], int]:
    hashes: list[NDArray[np.uint64]] = [np.empty(0, np.uint64)]
    rows: list[NDArray[np.uint32]] = [np.empty(0, np.uint32)]
    count = 0
    names_of: set[int] = set()
    # Dictionary encoding would make a million different names slow to read.
    with pq.ParquetWriter(unfinished / ENTITIES, SCHEMA, compression="zstd", use_dictionary=["type"]) as writer:
        for group in _groups(entities):
            pairs = []
            for row, entity in enumerate(group, start=count):
                digest.add(entity)
                key = id_hash(entity.id)
                if key in names_of:
                    raise MissingError(f'the knowledge base lists the entity id "{entity.id}" twice; ids must be unique.')
                names_of.add(key)
                pairs.append((key, row))
                pairs += [(name_hash(name), row) for name in {fold(known) for known in (entity.name, *entity.aliases)}]
            count += len(group)
            hashes.append(np.array([key for key, _ in pairs], dtype=np.uint64))
            rows.append(np.array([row for _, row in pairs], dtype=np.uint32))
            writer.write_table(
                pa.Table.from_pylist([_row(entity, folder) for entity in group], schema=SCHEMA), row_group_size=GROUP
            )
    return np.concatenate(hashes), np.concatenate(rows), count


def _groups(entities: Iterable[Entity]) -> Iterator[list[Entity]]:
    stream = iter(entities)
    while group := list(islice(stream, GROUP)):
        yield group


def _row(entity: Entity, folder: Path) -> dict[str, Any]:
    return entity_fields(entity) | {"images": [os.path.relpath(image, folder) for image in entity.images]}
