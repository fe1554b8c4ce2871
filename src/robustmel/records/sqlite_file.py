"""Small tables kept in a file, for several threads and processes."""

import sqlite3
from pathlib import Path

from robustmel.errors import MissingError


def open_table(path: Path, table: str, sentence: str) -> sqlite3.Connection:
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
        file = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        file.execute(table)
    except (OSError, sqlite3.Error) as problem:
        raise MissingError(sentence.format(path=path, problem=problem)) from None
    return file
