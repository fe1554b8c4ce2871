"""Work in shards that survive: each is a Parquet file, written whole or not at all, and several processes may share them out."""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from robustmel.errors import RobustMELError
from robustmel.images import file_digest
from robustmel.run.store import EARLIER

Item = TypeVar("Item")
ProgressCallback = Callable[[int, int], None]
"""Called with (shards done, shards in all) before each and after the last; it may raise `Interrupted`."""

Record = dict[str, Any]
"""One line of a table: column -> value."""

LASTING = frozenset({"no_image", "image_missing", "image_decode", "image_refused", "nan"})
"""Failures that lie in the data or the arithmetic: trying again cannot mend them."""

_share: ContextVar[tuple[int, int] | None] = ContextVar("share", default=None)


class ShareDoneError(Exception):
    """Raised by `by_pieces` when the shards of this process's share are written: the rest of the stage is not its business."""


@contextmanager
def only_share(share: int, of: int) -> Iterator[None]:
    """Within the block `by_pieces` does only the shards whose number modulo `of` is `share`, and ends the block."""
    token = _share.set((share, of))
    try:
        with suppress(ShareDoneError):
            yield
    finally:
        _share.reset(token)


def write_table(path: Path, records: Iterable[Record], schema: pa.Schema) -> None:
    """Writes records as Parquet; the file appears complete, also where two processes write it at once."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as file:
            pq.write_table(pa.Table.from_pylist(list(records), schema=schema), file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_table(path: Path) -> list[Record]:
    """The records of a Parquet file."""
    records: list[Record] = pq.read_table(path).to_pylist()
    return records


def by_pieces(
    folder: Path,
    pieces: Sequence[Sequence[str]],
    work: Callable[[Sequence[str]], list[Record]],
    schema: pa.Schema,
    progress: ProgressCallback,
) -> list[Record]:
    """Does the pieces that are missing, a shard each, and returns the records of all.

    A piece is known by its items, so pieces of another size, from before an interruption, are no match and are done again; so is
    a piece whose files (`image` of its records) are not as they were written.

    Args:
        folder: Of the artefact being made; the shards lie below it until it is complete.
        pieces: Ids of the items of each piece. Those of which a table of an earlier making holds all, without a failure that may
            pass, are taken from it.
        work: Gives the records of one piece, one an item, with its `id`.
        schema: Of the records.
        progress: Told before every piece that is done, and at the end.

    Raises:
        ShareDoneError: Inside `only_share`, when the share is done.
    """
    shards = folder / "shards"
    shards.mkdir(parents=True, exist_ok=True)
    share, of = _share.get() or (0, 1)
    own, records = pieces[share::of], list[Record]()
    earlier = {row["id"]: row for row in read_table(folder / EARLIER)} if (folder / EARLIER).is_file() else {}
    sound = {item for item, row in earlier.items() if failure(row) is None or failure(row) in LASTING}
    for number, piece in enumerate(own):
        shard = shards / f"{hashlib.blake2b(' '.join(piece).encode(), digest_size=10).hexdigest()}.parquet"
        finished = [earlier[item] for item in piece] if sound.issuperset(piece) else _finished(shard, folder)
        if finished is None:
            progress(number, len(own))
            finished = work(piece)
            files = {row["image"]: file_digest(folder / row["image"]) for row in finished if row.get("image")}
            write_table(shard, finished, schema.with_metadata({"files": json.dumps(files)}))
        records += finished
    progress(len(own), len(own))
    if _share.get() is not None:
        raise ShareDoneError
    return records


def _finished(shard: Path, folder: Path) -> list[Record] | None:
    """The records of a piece done before; None where there is none, or a power cut left it or a file of it torn."""
    try:
        files = json.loads((pq.read_schema(shard).metadata or {}).get(b"files", b"{}"))
        sound = all(file_digest(folder / name) == digest for name, digest in files.items())
        return read_table(shard) if sound else None
    except (OSError, ValueError, pa.ArrowException):
        return None


def failure(record: Record) -> str | None:
    """What went wrong with a mention, from a row of answers or of a log; None where nothing did."""
    status = record.get("status") or ""
    return record.get("error") or (status.removeprefix("error:") if status.startswith("error:") else None)


def failures(folder: Path, records: Sequence[Record], who: str) -> dict[str, Any]:
    """What a manifest says of failures: the first in words, and how many may come out otherwise when they are tried again.

    Raises:
        RobustMELError: All failed, which makes no figure. Nothing of them is kept: the same command tries again.
    """
    failed = [what for what in map(failure, records) if what is not None]
    if failed and len(failed) == len(records):
        shutil.rmtree(folder / "shards", ignore_errors=True)
        raise RobustMELError(f"{who} failed on every mention; the first: {failed[0].rstrip('.')}.")
    return {"first_error": failed[0] if failed else "", "retry": sum(what not in LASTING for what in failed)}


def chunks(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """Consecutive runs of at most `size` items."""
    return [items[start : start + size] for start in range(0, len(items), size)]
