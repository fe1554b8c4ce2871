"""A lock that says who holds it, and that a dead holder cannot keep."""

from __future__ import annotations

import json
import logging
import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from robustmel.errors import MissingError

log = logging.getLogger(__name__)


@contextmanager
def hold(lock: Path, what: str, wait: bool) -> Iterator[None]:
    """Holds `lock` for the length of the block.

    A lock is a file with the holder's pid and host. It is broken only if that process is dead and ran on this host: a holder on
    another host cannot be seen from here.

    Args:
        lock: Path of the lock file; its folder is made where it is absent.
        what: What is locked, for the message.
        wait: Wait for another holder to finish, or give up at once.

    Raises:
        MissingError: Another process holds the lock and `wait` is False.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    mine = lock.with_name(f"{lock.name}.{uuid.uuid4().hex}")
    mine.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "started": _started(os.getpid())}))
    told = False
    try:
        while not _take(mine, lock):
            holder = _holder(lock)
            if holder is None:
                continue
            if _dead(holder):
                _bury(lock, holder)
            elif wait:
                if not told:
                    log.warning("waiting for process %s on %s, which holds %s", holder["pid"], holder["host"], lock)
                    told = True
                time.sleep(0.2)
            else:
                raise MissingError(
                    f"{what} is in use by process {holder['pid']} on {holder['host']}. Wait for it, or choose another folder;"
                    f" if that process is gone for certain, delete {lock}."
                )
    finally:
        mine.unlink(missing_ok=True)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _take(mine: Path, lock: Path) -> bool:
    """A hard link appears with its content or not at all, on network file systems too."""
    try:
        os.link(mine, lock)
    except FileExistsError:
        return False
    return True


def _holder(lock: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(lock.read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        return {"pid": 0, "host": socket.gethostname(), "started": None}
    return found


def _started(pid: int) -> str | None:
    """When a process began, where the system tells: a pid may be used again by another process."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    return None


def _dead(holder: dict[str, Any]) -> bool:
    if holder["host"] != socket.gethostname():
        return False
    if holder["pid"] == 0:
        return True
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return bool(_started(holder["pid"]) != holder["started"])


def _bury(lock: Path, holder: dict[str, Any]) -> None:
    """Removes a dead holder's lock, unless someone else has done so and taken it meanwhile."""
    grave = lock.with_name(f"{lock.name}.{uuid.uuid4().hex}")
    with suppress(FileNotFoundError):
        lock.rename(grave)
        if _holder(grave) != holder:
            with suppress(FileExistsError):
                os.link(grave, lock)
        grave.unlink(missing_ok=True)
