"""Folders written whole or not at all."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from robustmel.errors import MissingError


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `out` when all is done; an unfinished one is removed.

    It lies beside `out` as `.NAME.PID.tmp`, locked while it is filled. What a killed process left is removed by the next one that
    makes the same folder.

    Raises:
        MissingError: `out` is there already, or cannot be written.
    """
    if out.exists():
        raise MissingError(f"{out} already exists; name another folder, or remove it.")
    unfinished = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    lock = -1
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(out)
        unfinished.mkdir()
        lock = os.open(unfinished, os.O_RDONLY)
        _locked(lock)
        yield unfinished
        unfinished.replace(out)
    except OSError as problem:
        if problem.errno is None:  # what is read from, not the disk: a broken archive
            raise
        raise MissingError(f"{out} cannot be written: {problem.strerror or problem}.") from problem
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        if lock >= 0:
            os.close(lock)


def _remove_leftovers(out: Path) -> None:
    """Removes the unfinished folders of processes that are gone: nobody holds their lock."""
    start, end = f".{out.name}.", ".tmp"
    for entry in out.parent.iterdir():
        if entry.name.startswith(start) and entry.name.endswith(end) and entry.name[len(start) : -len(end)].isdecimal():
            try:
                lock = os.open(entry, os.O_RDONLY | os.O_DIRECTORY)
            except OSError:
                continue
            try:
                if _locked(lock):
                    shutil.rmtree(entry, ignore_errors=True)
            finally:
                os.close(lock)


def _locked(folder: int) -> bool:
    """Whether this process now has the lock of an open folder; False where another has it, or the disk knows no locks."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
