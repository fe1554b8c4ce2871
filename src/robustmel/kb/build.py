"""Building a stored knowledge base out of a dump, in pieces that survive a kill."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from robustmel.errors import MissingError
from robustmel.kb.dump import DumpReport, Progress, read_dump
from robustmel.kb.fields import entity_fields
from robustmel.kb.stored import SCHEMA, id_hash
from robustmel.kb.write import write_kb
from robustmel.types import Entity

PIECE = 50_000
"""Entities a piece: what a kill costs at most."""


def build_from_dump(
    dump: Path, out: Path, languages: tuple[str, ...] = ("en", "mul"), progress: Progress | None = None
) -> DumpReport:
    """Writes the items of a dump into a knowledge base; the same command after a kill goes on where it was.

    Pieces lie in `<out>.pieces` until all are there. What they were made from (name, size and time of the dump, languages) is
    noted there too: pieces of another dump are refused.

    Raises:
        MissingError: The dump cannot be read, `out` is there already, or pieces of another dump lie beside it.
    """
    if out.exists():
        raise MissingError(f"{out} already exists; name another folder, or remove it.")
    _origin(dump, languages)
    pieces = out.with_name(out.name + ".pieces")
    report = _resumed(pieces, dump, languages)
    stream = read_dump(dump, languages, report, skip=report.lines, progress=progress)
    done, report.lines = len(list(pieces.glob("*.parquet"))), 0
    while some := list(islice(stream, PIECE)):
        table = pa.Table.from_pylist([entity_fields(entity) | {"images": []} for entity in some], schema=SCHEMA)
        unfinished = pieces / ".piece.tmp"
        pq.write_table(table, unfinished, compression="zstd", use_dictionary=["type"])
        unfinished.replace(pieces / f"{done:06}.parquet")
        _note(pieces, dump, languages, report, done + 1)
        done += 1
    write_kb(_entities(pieces, report), out, source=f"{dump.name}, {', '.join(languages)}")
    for file in [*pieces.iterdir()]:
        file.unlink()
    pieces.rmdir()
    return report


def _origin(dump: Path, languages: tuple[str, ...]) -> dict[str, object]:
    try:
        status = dump.stat()
    except OSError:
        raise MissingError(f"no dump {dump}; Wikidata offers latest-all.json.bz2 and .gz at dumps.wikimedia.org.") from None
    return {"dump": dump.name, "size": status.st_size, "time": status.st_mtime_ns, "languages": list(languages)}


def _note(pieces: Path, dump: Path, languages: tuple[str, ...], report: DumpReport, done: int) -> None:
    unfinished = pieces / ".state.tmp"
    unfinished.write_text(json.dumps({"origin": _origin(dump, languages), "pieces": done, "report": asdict(report)}), "utf-8")
    unfinished.replace(pieces / "state.json")


def _resumed(pieces: Path, dump: Path, languages: tuple[str, ...]) -> DumpReport:
    """The state after the last whole piece; a piece that the state does not know of is removed."""
    pieces.mkdir(parents=True, exist_ok=True)
    try:
        state = json.loads((pieces / "state.json").read_text("utf-8"))
    except FileNotFoundError:
        state = {"origin": _origin(dump, languages), "pieces": 0, "report": asdict(DumpReport())}
    except ValueError as problem:
        raise MissingError(f"{pieces / 'state.json'} cannot be read: {problem}; remove {pieces} to start over.") from problem
    if state["origin"] != _origin(dump, languages):
        raise MissingError(f"{pieces} holds pieces of another dump or other languages; remove it to start over.")
    for file in pieces.glob("*.parquet"):
        if int(file.stem) >= state["pieces"]:
            file.unlink()
    return DumpReport(**state["report"])


def _entities(pieces: Path, report: DumpReport) -> Iterator[Entity]:
    seen: set[int] = set()
    for file in sorted(pieces.glob("*.parquet")):
        with pq.ParquetFile(file) as opened:
            for batch in opened.iter_batches(batch_size=4096, use_threads=False):
                for row in batch.to_pylist():
                    key = id_hash(row["id"])
                    if key in seen:
                        report.repeated += 1
                        continue
                    seen.add(key)
                    yield Entity(**(row | {"aliases": tuple(row["aliases"]), "images": ()}))
