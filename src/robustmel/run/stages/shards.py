"""Work in pieces that survive: each piece is a Parquet file, written whole or not at all."""

from __future__ import annotations

import shutil
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
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), temporary)
    temporary.replace(path)


def read_table(path: Path) -> list[Row]:
    """The rows of a Parquet file."""
    rows: list[Row] = pq.read_table(path).to_pylist()
    return rows


def by_pieces(
    folder: Path, pieces: Sequence[Piece], work: Callable[[Piece], list[Row]], schema: pa.Schema, progress: Progress
) -> list[Row]:
    """Does the pieces that are missing and returns the rows of all.

    Args:
        folder: Of the artefact being made; pieces lie below it until `drop_pieces`.
        pieces: The same list every time the artefact is tried.
        work: Gives the rows of one piece.
        schema: Of the rows.
        progress: Told after every piece.
    """
    shards = folder / "shards"
    shards.mkdir(exist_ok=True)
    rows: list[Row] = []
    for number, piece in enumerate(pieces):
        shard = shards / f"{number:05d}.parquet"
        if not shard.exists():
            write_table(shard, work(piece), schema)
            progress(number + 1, len(pieces))
        rows += read_table(shard)
    return rows


def drop_pieces(folder: Path) -> None:
    """Removes the pieces once the whole is written."""
    shutil.rmtree(folder / "shards", ignore_errors=True)


def chunks(items: Sequence[Piece], size: int) -> list[Sequence[Piece]]:
    """Consecutive runs of at most `size` items."""
    return [items[start : start + size] for start in range(0, len(items), size)]
