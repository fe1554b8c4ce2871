"""Locks as leases: the holder rewrites a file every few seconds, and others take it over once it stays unchanged."""

import json
import logging
import os
import socket
import stat
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from robustmel.errors import MissingError
from robustmel.run.interrupt import stop_if_asked

log = logging.getLogger(__name__)

LEASE = 60.0
"""Seconds without a heartbeat, by the clock of the one who waits, after which a lock is taken over."""
HEARTBEAT = 10.0
"""Seconds between two heartbeats."""
GRACE = 5.0
"""Seconds after which a file that names no holder (empty, torn, edited by hand) is taken over."""
POLL = 0.2
SETTLE = 0.05


class Lease:
    """A lock file and who holds it; made by `hold`."""

    def __init__(self, lock: Path) -> None:
        self.lock = lock
        self.id, self._beats, self._over = uuid.uuid4().hex, 0, threading.Event()
        self._place = _whereabouts()  # once: a laptop may change its host name under a long run

    def _text(self) -> str:
        """Of the same length at every heartbeat: it is rewritten in place, which needs no room on the disk."""
        return json.dumps({"id": self.id, **self._place, "pid": os.getpid(), "beat": f"{self._beats:010d}"})

    def take(self) -> bool:
        """Creates the file; False where there is one. Exclusive creation works where hard links do not (exFAT, SMB, FUSE)."""
        try:
            descriptor = os.open(self.lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(self._text())
        except OSError:
            self.lock.unlink(missing_ok=True)
            raise
        return True

    def held(self) -> bool:
        """Whether nobody has taken it over: a suspended machine wakes up without its leases."""
        text = _read(self.lock)
        return text is not None and _holder(text).get("id") == self.id

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Keeps the lease alive for the length of the block, then gives it back."""
        thread = threading.Thread(target=self._beat, name=f"heartbeat of {self.lock.name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()
            if self.held():
                _bury(self.lock, self._text())

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT):
            with suppress(OSError), self.lock.open("r+") as file:  # what is open stays ours, even if it is renamed meanwhile
                if _holder(file.read()).get("id") != self.id:
                    log.warning("another process took over lock %s", self.lock)
                    return
                self._beats += 1
                file.seek(0)
                file.write(self._text())


@contextmanager
def hold(lock: Path, what: str, wait: bool) -> Iterator[Lease]:
    """Holds `lock` for the length of the block.

    A lock is taken over at once if its holder is a dead process of this machine (same host, boot and process namespace), and
    after `LEASE` seconds without a heartbeat whoever holds it.

    Raises:
        MissingError: Another process holds the lock and `wait` is False.
        Interrupted: The user asked to stop while this waited.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    lease = Lease(lock)
    _acquire(lease, what, wait)
    with lease.beating():
        yield lease


def _acquire(lease: Lease, what: str, wait: bool) -> None:
    seen, since, buried, warned = "", time.monotonic(), False, False
    while True:
        if lease.take():
            if not buried:
                return
            time.sleep(SETTLE)  # another who saw the same dead holder may just be moving ours, and puts it back
            if lease.held():
                return
        stop_if_asked()
        text = _read(lease.lock)
        if text is None:
            time.sleep(SETTLE)  # given back just now
            continue
        beaten = seen not in ("", text)
        if text != seen:
            seen, since = text, time.monotonic()
        holder = _holder(text)
        if holder.get("id") == lease.id:
            return
        here = _on_this_machine(holder)
        if (here and _dead(holder)) or time.monotonic() - since >= (LEASE if holder else GRACE):
            buried = _bury(lease.lock, text) or buried
            continue
        if not wait and (here or (beaten and holder)):
            raise MissingError(
                f"{what} is in use by process {holder['pid']} on {holder['host']}. Wait for it, or choose another folder."
            )
        if not warned and holder:
            log.warning("waiting for process %s on %s, which holds %s", holder["pid"], holder["host"], lease.lock)
            warned = True
        time.sleep(min(POLL, LEASE / 4))


def _read(lock: Path) -> str | None:
    """What a lock file says; None where there is none. A link, pipe or device says nothing: it would be followed or read for ever.

    Raises:
        MissingError: A folder lies there, which may hold anything and is not taken over.
    """
    try:
        mode = lock.lstat().st_mode
        if stat.S_ISDIR(mode):
            raise MissingError(f"{lock} is a folder, and a lock file belongs there. Move the folder away, or remove it.")
        return lock.read_text("utf-8", errors="replace") if stat.S_ISREG(mode) else ""
    except FileNotFoundError:
        return None


def _holder(text: str) -> dict[str, Any]:
    """What a lock file says; empty where it does not name a process."""
    with suppress(ValueError, RecursionError):
        holder = json.loads(text)
        if (
            isinstance(holder, dict)
            and isinstance(holder.get("host"), str)
            and isinstance(holder.get("pid"), int)
            and holder["pid"] > 0
        ):
            return holder
    return {}


def _whereabouts() -> dict[str, str | None]:
    """This machine and process: two containers may share a host name, but not a process namespace."""
    about = {"host": socket.gethostname(), "boot": None, "namespace": None, "started": _started(os.getpid())}
    with suppress(OSError):
        about["boot"] = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        about["namespace"] = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - no path
    return about


def _started(pid: int) -> str | None:
    """When a process began, where the system tells: a pid may be used again by another process."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    return None


def _on_this_machine(holder: dict[str, Any]) -> bool:
    here = _whereabouts()
    return bool(holder) and all(holder.get(name) == here[name] for name in ("host", "boot", "namespace"))


def _dead(holder: dict[str, Any]) -> bool:
    try:
        os.kill(holder["pid"], 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        return False
    return bool(_started(holder["pid"]) != holder.get("started"))


def _bury(lock: Path, text: str) -> bool:
    """Removes a lock file that says `text`; one that says something else by now is put back. Whether it was removed."""
    grave = lock.with_name(f"{lock.name}.{uuid.uuid4().hex}")
    if _read(lock) != text:
        return False
    try:
        lock.rename(grave)
    except FileNotFoundError:
        return False
    removed = _read(grave) or ""
    if removed != text:
        with suppress(FileExistsError), lock.open("x", encoding="utf-8") as file:
            file.write(removed)
    grave.unlink(missing_ok=True)
    return removed == text
