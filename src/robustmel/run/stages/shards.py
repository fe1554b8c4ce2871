"""Work in pieces that survive: each piece is a Parquet file, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

Piece = TypeVar("Piece")
Progress = Callable[[int, int], None]
"""Called with (pieces done, pieces in all) after each; it may raise `Interrupted`."""

Row = dict[str, Any]


def write_table(path: Path, rows: Iterable[Row], schema: pa.Schema) -> None:
    """Writes rows as Parquet; the file appears complete."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_table(path: Path) -> list[Row]:
    """The rows of a Parquet file."""
    rows: list[Row] = pq.read_table(path).to_pylist()
    return rows


def by_pieces(
    folder: Path,
    pieces: Sequence[Sequence[str]],
    work: Callable[[Sequence[str]], list[Row]],
    schema: pa.Schema,
    progress: Progress,
) -> list[Row]:
    """Does the pieces that are missing and returns the rows of all.

    A piece is known by its items, so pieces of another size, from before an interruption, are no match and are done again.

    Args:
        folder: Of the artefact being made; pieces lie below it until `drop_pieces`.
        pieces: Ids of the items of each piece.
        work: Gives the rows of one piece, one an item, with its `id`.
        schema: Of the rows.
        progress: Told after every piece.
    """
    shards = folder / "shards"
    shards.mkdir(exist_ok=True)
    rows: list[Row] = []
    for number, piece in enumerate(pieces):
        shard = shards / f"{hashlib.blake2b(' '.join(piece).encode(), digest_size=10).hexdigest()}.parquet"
        found = _finished(shard)
        if found is None:
            found = work(piece)
            write_table(shard, found, schema)
            progress(number + 1, len(pieces))
        rows += found
    return rows


def _finished(shard: Path) -> list[Row] | None:
    """The rows of a piece done before; None where there is none, or a power cut left it torn."""
    try:
        return read_table(shard)
    except (OSError, pa.ArrowException):
        return None


def chunks(items: Sequence[Piece], size: int) -> list[Sequence[Piece]]:
    """Consecutive runs of at most `size` items."""
    return [items[start : start + size] for start in range(0, len(items), size)]
