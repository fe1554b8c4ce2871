"""What was fetched, kept: a run that goes on asks nothing twice, and a run without a network gets the same bytes."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from robustmel.errors import MissingError, printable
from robustmel.records.json_lines import read_lines
from robustmel.records.load_report import LoadReport
from robustmel.records.sqlite_file import open_table

log = logging.getLogger(__name__)

NOTHING_LASTS = timedelta(days=1)
"""How long it is believed that something is not there."""
_TABLE = (
    "CREATE TABLE IF NOT EXISTS checked_payloads (kind TEXT, asked TEXT, payload TEXT, revision TEXT NOT NULL, fetched_at TEXT NOT NULL,"
    " digest TEXT NOT NULL, PRIMARY KEY (kind, asked)) WITHOUT ROWID"
)
_COLUMNS = ("kind", "asked", "payload", "revision", "fetched_at")


@dataclass(frozen=True, slots=True)
class Payload:
    """What was made of an answer.

    Args:
        value: Plain values, checked before they are kept; None where there is nothing under what was asked.
        revision: Of the page or item; "" where that says nothing.
        fetched_at: ISO 8601, UTC.
    """

    value: Any
    revision: str
    fetched_at: str


class EvidenceStore:
    """An SQLite file of payloads by what was asked; may be shared by threads and processes.

    Payloads are kept, not answers: errors never are. What a kill leaves is whole. A payload that was edited or damaged on disk counts as
    absent: its digest is compared whenever it is read.

    Args:
        path: The file; made where it is absent, unless offline.
        offline: Nothing is fetched; what is not there is an error.
        older: Payloads of more days are fetched again; None keeps them for ever.
        now: The time; replaced in tests.

    Raises:
        MissingError: It cannot be written, or, offline, is not there.
    """

    def __init__(
        self, path: Path | str, offline: bool = False, older: float | None = None, now: Callable[[], datetime] | None = None
    ) -> None:
        self.path, self.offline, self._older = Path(path), offline, older
        self._now = now or (lambda: datetime.now(UTC))
        self._lock = threading.Lock()
        self.drifted = 0
        """Payloads fetched again whose revision was another one."""
        if offline and not self.path.is_file():
            raise MissingError(f"no evidence in {self.path}, and offline = true; run once with a network, or name the file.")
        sentence = "evidence cannot be kept in {path}: {problem}. Name another file with store."
        self._file = open_table(self.path, _TABLE, sentence)

    def payloads(
        self, kind: str, asked: Sequence[str], fetch: Callable[[list[str]], Iterator[Mapping[str, tuple[Any, str]]]]
    ) -> dict[str, Payload]:
        """The payloads of what is asked, from the file or fetched and kept; without those that could not be fetched.

        Args:
            kind: What they are, where they are from, and the version of how they are made.
            asked: Ids, titles, queries.
            fetch: Yields what was asked -> value and revision, batch after batch; each batch is kept at once.

        Raises:
            MissingError: Offline, and one of them is not there.
        """
        kept = {text: payload for text in dict.fromkeys(asked) if (payload := self._get(kind, text)) is not None}
        wanted = [text for text in dict.fromkeys(asked) if text not in kept or self._is_old(kept[text])]
        if self.offline:
            if absent := [text for text in wanted if text not in kept]:
                raise MissingError(
                    f'{self.path} lacks {len(absent):,} of what is asked for (first: {kind}, "{printable(absent[0])}"), and offline'
                    " = true; run once without it."
                )
            return kept
        for batch in fetch(wanted) if wanted else ():
            kept |= self._keep(kind, batch)
        return kept

    def _get(self, kind: str, asked: str) -> Payload | None:
        with self._lock:
            row = self._file.execute(
                "SELECT payload, revision, fetched_at, digest FROM checked_payloads WHERE kind = ? AND asked = ?", (kind, asked)
            ).fetchone()
        if not row:
            return None
        if _digest((kind, asked, *row[:3])) != row[3]:
            log.warning("%s: evidence was changed on disk and is not used (%s, %.60r).", self.path, kind, asked)
            return None
        return Payload(json.loads(row[0]), row[1], row[2])

    def _is_old(self, payload: Payload) -> bool:
        lasts = NOTHING_LASTS if payload.value in (None, []) else None if self._older is None else timedelta(days=self._older)
        return lasts is not None and self._now() - datetime.fromisoformat(payload.fetched_at) > lasts

    def _keep(self, kind: str, batch: Mapping[str, tuple[Any, str]]) -> dict[str, Payload]:
        fetched_at = self._now().replace(microsecond=0).isoformat()
        payloads = {asked: Payload(value, revision, fetched_at) for asked, (value, revision) in batch.items()}
        for asked, payload in payloads.items():
            before = self._get(kind, asked)
            self.drifted += before is not None and before.revision != payload.revision
        rows = [(kind, asked, _text(p.value), p.revision, p.fetched_at) for asked, p in payloads.items()]
        self._insert(rows)
        return payloads

    def _insert(self, rows: Sequence[tuple[str, ...]]) -> None:
        with self._lock:
            self._file.execute("BEGIN IMMEDIATE")  # a batch is there or not
            checked = [(*row, _digest(row)) for row in rows]
            self._file.executemany("INSERT OR REPLACE INTO checked_payloads VALUES (?, ?, ?, ?, ?, ?)", checked)
            self._file.execute("COMMIT")

    def lines(self) -> Iterator[str]:
        """Everything in it, one JSON object a line, sorted: the same evidence gives the same lines."""
        with self._lock:
            rows = self._file.rows(f"SELECT {', '.join(_COLUMNS)} FROM checked_payloads ORDER BY kind, asked")
        for row in rows:
            yield _text(dict(zip(_COLUMNS, row, strict=True)) | {"payload": json.loads(row[2])}) + "\n"

    def digest(self) -> str:
        """SHA-256 of `lines`, in hexadecimal digits."""
        digest = hashlib.sha256()
        for line in self.lines():
            digest.update(line.encode())
        return digest.hexdigest()

    def write(self, path: Path) -> None:
        """Writes `lines` to a file, which appears whole."""
        unfinished = path.with_name(f".{path.name}.tmp")
        with unfinished.open("w", encoding="utf-8") as file:
            file.writelines(self.lines())
        unfinished.replace(path)

    def read(self, path: Path) -> None:
        """Takes in what `write` wrote, in place of what stands under the same.

        Raises:
            MissingError: It is no such file.
        """
        rows = []
        for line in read_lines(path, LoadReport("evidence")):
            if set(line.values) != set(_COLUMNS):
                raise MissingError(f"{line.place}: expected {', '.join(_COLUMNS)}.")
            rows.append(tuple(_text(value) if key == "payload" else str(value) for key, value in _ordered(line.values)))
        self._insert(rows)


def _ordered(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(column, values[column]) for column in _COLUMNS]


def _digest(row: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(list(row)).encode()).hexdigest()


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
