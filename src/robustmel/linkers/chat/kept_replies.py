"""Replies that were paid for, kept in a file: a run that goes on asks nothing twice, and spends no more than it may."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from robustmel.errors import RobustMELError
from robustmel.linkers.chat.service import Reply
from robustmel.records.sqlite_file import open_table

_TABLE = "CREATE TABLE IF NOT EXISTS calls (request TEXT PRIMARY KEY, sent INTEGER NOT NULL, reply TEXT)"


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

    A request is written down before it is sent. Failures are no replies: they are counted, and asked again.

    Args:
        path: The file; made where it is absent.

    Raises:
        MissingError: It cannot be written, or is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        sentence = "replies cannot be kept in {path}: {problem}. Name another file with replies."
        self._file = open_table(path, _TABLE, sentence)

    def get(self, request: str) -> Reply | None:
        """The reply to a request, by its digest."""
        with self._lock:
            row = self._file.execute("SELECT reply FROM calls WHERE request = ?", (request,)).fetchone()
        return Reply(**json.loads(row[0])) if row and row[0] else None

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
            self._file.execute("UPDATE calls SET reply = ? WHERE request = ?", (json.dumps(asdict(reply)), request))

    def mean(self) -> tuple[float, float] | None:
        """Tokens read and written, of the mean reply; None without one."""
        means = "AVG(json_extract(reply, '$.tokens_read')), AVG(json_extract(reply, '$.tokens_written'))"
        with self._lock:
            read, written = self._file.execute(f"SELECT {means} FROM calls WHERE reply IS NOT NULL").fetchone()
        return None if read is None else (read, written)

    def spent(self) -> Spent:
        """What was spent by all who use the file."""
        sums = "COALESCE(SUM(sent), 0), COALESCE(SUM(json_extract(reply, '$.tokens_read')), 0), COALESCE(SUM(json_extract(reply, '$.tokens_written')), 0)"
        with self._lock:
            return Spent(*self._file.execute(f"SELECT {sums} FROM calls").fetchone())
