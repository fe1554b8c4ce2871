"""Replies that were paid for, kept in a file: a run that goes on asks nothing twice, and spends no more than it may."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from robustmel.errors import RobustMELError
from robustmel.linkers.chat.service import Reply
from robustmel.records.sqlite_file import open_table

log = logging.getLogger(__name__)

_TABLE = "CREATE TABLE IF NOT EXISTS calls (request TEXT PRIMARY KEY, sent INTEGER NOT NULL, reply TEXT)"
_READABLE = "(SELECT reply FROM calls WHERE json_valid(reply))"


@dataclass(frozen=True)
class Spent:
    """What the calls of a file have cost.

    Args:
        calls: Requests sent, those without a reply included.
        tokens_read: By the endpoint's count.
        tokens_written: Likewise.
    """

    calls: int
    tokens_read: int
    tokens_written: int

    def cost(self, price_read: float, price_written: float) -> float:
        """In the currency of the prices, which are for a million tokens."""
        return (self.tokens_read * price_read + self.tokens_written * price_written) / 1e6


class KeptReplies:
    """An SQLite file of requests, by their digests, and their replies; may be shared by threads and processes.

    A request is written down before it is sent. Failures are no replies: they are counted, and asked again. A reply that was edited or
    damaged on disk counts as none: its digest is compared whenever it is read.

    Args:
        path: The file; made where it is absent.

    Raises:
        MissingError: It cannot be written, or is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._lock, self._path = threading.Lock(), path
        sentence = "replies cannot be kept in {path}: {problem}. Name another file with replies."
        self._file = open_table(path, _TABLE, sentence)

    def get(self, request: str) -> Reply | None:
        """The reply to a request, by its digest; None where there is none, or none that is as it was written."""
        with self._lock:
            row = self._file.execute("SELECT reply FROM calls WHERE request = ?", (request,)).fetchone()
        if not row or not row[0]:
            return None
        try:
            values = json.loads(row[0])
            digest = values.pop("digest", None)  # an earlier version wrote none
            reply = Reply(**values)
        except (ValueError, TypeError, AttributeError, RecursionError):
            digest, reply = "", None
        if reply is None or digest not in (None, _digest(request, reply)):
            log.warning("%s: a reply was changed on disk and is not used (%.12s); it is asked for again.", self._path, request)
            return None
        return reply

    def sending(self, request: str, most: int | None) -> None:
        """Writes down that a request is about to be sent.

        Args:
            request: Its digest.
            most: Calls that the file may count in all.

        Raises:
            RobustMELError: It counts as many already.
        """
        with self._lock:
            self._file.execute("BEGIN IMMEDIATE")  # no other process counts in between
            try:
                (calls,) = self._file.execute("SELECT COALESCE(SUM(sent), 0) FROM calls").fetchone()
                if most is not None and calls >= most:
                    raise RobustMELError(
                        f"{calls} calls were made, and max_calls = {most}; raise it, and the same command goes on."
                    )
                insert = "INSERT INTO calls VALUES (?, 1, NULL) ON CONFLICT (request) DO UPDATE SET sent = sent + 1"
                self._file.execute(insert, (request,))
            finally:
                self._file.execute("COMMIT")

    def keep(self, request: str, reply: Reply) -> None:
        """Writes a reply down."""
        with self._lock:
            written = json.dumps(asdict(reply) | {"digest": _digest(request, reply)}, allow_nan=False)
            self._file.execute("UPDATE calls SET reply = ? WHERE request = ?", (written, request))

    def mean(self) -> tuple[float, float] | None:
        """Tokens read and written, of the mean reply; None without one."""
        means = "AVG(json_extract(reply, '$.tokens_read')), AVG(json_extract(reply, '$.tokens_written'))"
        with self._lock:
            read, written = self._file.execute(f"SELECT {means} FROM {_READABLE}").fetchone()
        return None if read is None else (read, written)

    def spent(self) -> Spent:
        """What was spent by all who use the file."""
        sums = "(SELECT COALESCE(SUM(sent), 0) FROM calls), COALESCE(SUM(json_extract(reply, '$.tokens_read')), 0), COALESCE(SUM(json_extract(reply, '$.tokens_written')), 0)"
        with self._lock:
            return Spent(*self._file.execute(f"SELECT {sums} FROM {_READABLE}").fetchone())


def _digest(request: str, reply: Reply) -> str:
    return hashlib.sha256(json.dumps([request, asdict(reply)], sort_keys=True).encode()).hexdigest()
