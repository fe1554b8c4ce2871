"""Small tables kept in a file, for several threads and processes."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from robustmel.errors import MissingError


class Table(sqlite3.Connection):
    """A connection whose file may be damaged: it says which, and a byte that is no UTF-8 is replaced, as whoever compares digests sees."""

    place = Path()
    way_out = "Move it away if it is damaged; a new one is made."

    def execute(self, *statement: Any) -> sqlite3.Cursor:
        """As `sqlite3.Connection.execute`.

        Raises:
            MissingError: The file is damaged or locked, or the disk is full.
        """
        with self._told():
            return super().execute(*statement)

    def executemany(self, *statement: Any) -> sqlite3.Cursor:
        """As `sqlite3.Connection.executemany`; raises as `execute`."""
        with self._told():
            return super().executemany(*statement)

    def rows(self, *statement: Any) -> list[Any]:
        """All rows that a statement gives; raises as `execute`."""
        with self._told():
            return super().execute(*statement).fetchall()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as problem:
            raise MissingError(f"{self.place} cannot be used: {problem}. {self.way_out}") from None


def open_table(path: Path, table: str, sentence: str) -> Table:
    """Opens the file, and makes it and its table where they are absent; each statement is on disk when it has run.

    Args:
        path: The file.
        table: "CREATE TABLE IF NOT EXISTS ...".
        sentence: What cannot be kept there, with "{path}" and "{problem}", and the way out.

    Raises:
        MissingError: It cannot be written, or is no such file.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False, factory=Table)
        sqlite3.Connection.execute(file, table)
    except (OSError, sqlite3.Error) as problem:
        raise MissingError(sentence.format(path=path, problem=problem)) from None
    file.place, file.text_factory = path, lambda raw: raw.decode("utf-8", "replace")
    return file
