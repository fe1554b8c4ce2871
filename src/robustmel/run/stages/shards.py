"""Work in shards that survive: each is a Parquet file, written whole or not at all, and several processes may share them out."""

import ctypes
import hashlib
import json
import os
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from robustmel.columnar import ROWS, Record, tables
from robustmel.errors import RobustMELError
from robustmel.images import file_digest
from robustmel.run.store import EARLIER

Item = TypeVar("Item")
GROUP = 4096
"""Rows of a table that a reader must hold packed at once."""

ProgressCallback = Callable[[int, int], None]
"""Called with (shards done, shards in all) before each and after the last; it may raise `Interrupted`."""

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


def write_table(path: Path, records: Iterable[Record] | pa.Table, schema: pa.Schema) -> None:
    """Writes records as Parquet, some at a time; the file appears complete, also where two processes write it at once."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as file:
            with pq.ParquetWriter(file, schema) as writer:
                for part in [records] if isinstance(records, pa.Table) else tables(records, schema):
                    writer.write_table(part, GROUP)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_table(path: Path, columns: Sequence[str] | None = None) -> Iterator[Record]:
    """The records of a Parquet file, or some columns of them; few are objects at once."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS, columns=columns, use_threads=False):
            yield from batch.to_pylist()


def column(path: Path, name: str) -> Iterator[Any]:
    """The values of one column of a Parquet file."""
    return (record[name] for record in read_table(path, [name]))


def by_pieces(
    folder: Path,
    pieces: Sequence[Sequence[str]],
    work: Callable[[Sequence[str]], list[Record]],
    schema: pa.Schema,
    progress: ProgressCallback,
) -> Iterator[Record]:
    """Does the pieces that are missing, a shard each, and then gives the records of all, read back one shard after the other.

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
    own, paths = pieces[share::of], [shards / f"{_name(piece)}.parquet" for piece in pieces[share::of]]
    earlier = pq.read_table(folder / EARLIER) if (folder / EARLIER).is_file() else schema.empty_table()
    decisive = [name for name in ("id", "status", "error") if name in earlier.column_names]
    whys = {row["id"]: failure(row) for row in earlier.select(decisive).to_pylist()}
    sound = {item: place for place, (item, why) in enumerate(whys.items()) if why is None or why in LASTING}
    for number, (piece, shard) in enumerate(zip(own, paths, strict=True)):
        if sound.keys() >= set(piece):
            finished = earlier.take([sound[item] for item in piece]).to_pylist()
        elif _finished(shard, folder):
            continue
        else:
            progress(number, len(own))
            finished = work(piece)
        files = {row["image"]: file_digest(folder / row["image"]) for row in finished if row.get("image")}
        write_table(shard, finished, schema.with_metadata({"files": json.dumps(files)}))
        give_back_memory()
    progress(len(own), len(own))
    if _share.get() is not None:
        raise ShareDoneError
    return (record for path in paths for record in read_table(path))


def give_back_memory() -> None:
    """Returns freed memory to the system where its C library keeps it (glibc): torn by small objects, it fits no later batch."""
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def _name(piece: Sequence[str]) -> str:
    return hashlib.blake2b(" ".join(piece).encode(), digest_size=10).hexdigest()


def _finished(shard: Path, folder: Path) -> bool:
    """Whether a piece was done before, and no power cut left it or a file of it torn."""
    try:
        files = json.loads((pq.read_schema(shard).metadata or {}).get(b"files", b"{}"))
        return all(file_digest(folder / name) == digest for name, digest in files.items()) and len(list(read_table(shard))) > 0
    except (OSError, ValueError, pa.ArrowException):
        return False


def failure(record: Record) -> str | None:
    """What went wrong with a mention, from a row of answers or of a log; None where nothing did."""
    status = record.get("status") or ""
    return record.get("error") or (status.removeprefix("error:") if status.startswith("error:") else None)


def failures(folder: Path, failed: Sequence[str | None], who: str) -> dict[str, Any]:
    """What a manifest says of failures, one a mention: the first in words, and how many may come out otherwise when tried again.

    Raises:
        RobustMELError: All failed, which makes no figure. Nothing of them is kept: the same command tries again.
    """
    whys = [why for why in failed if why is not None]
    if whys and len(whys) == len(failed):
        shutil.rmtree(folder / "shards", ignore_errors=True)
        raise RobustMELError(f"{who} failed on every mention; the first: {whys[0].rstrip('.')}.")
    return {"first_error": whys[0] if whys else "", "retry": sum(why not in LASTING for why in whys)}


def attempts(folder: Path, log: pa.Table, spared: Set[str], who: str) -> dict[str, Any]:
    """What a manifest says of the attempts in a log; nobody tried those that were spared.

    Raises:
        RobustMELError: All failed; see `failures`.
    """
    states = log["status"].to_pylist()
    tried = [state for item, state in zip(log["id"].to_pylist(), states, strict=True) if item not in spared]
    facts = failures(folder, [failure({"status": state}) for state in tried], who)
    facts |= {"mentions": len(states), "states": dict(Counter(states)), "failed": len(tried) - tried.count("ok")}
    return facts | {"queries": sum(log["queries"].drop_null().to_pylist()), "kept": "all"}


def chunks(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """Consecutive runs of at most `size` items."""
    return [items[start : start + size] for start in range(0, len(items), size)]
