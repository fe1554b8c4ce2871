"""Ctrl-C and SIGTERM: the first lets the current shard finish, the second stops at once."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol


class Interrupted(Exception):  # noqa: N818 - not an error: the same command goes on
    """The user asked to stop; everything finished so far is kept."""


class StopSignal(Protocol):
    """Set once, seen by everyone who works (a `threading.Event`, or a multiprocessing one)."""

    def is_set(self) -> bool:
        """Whether the user asked to stop."""

    def set(self) -> None:
        """Asks everyone to stop after the current shard."""


_heeded: list[StopSignal] = []


def heed(stop: StopSignal) -> None:
    """Makes `stop_if_asked` obey this signal for the rest of the process (a worker's)."""
    _heeded.append(stop)


def stop_if_asked() -> None:
    """Called between shards and while waiting.

    Raises:
        Interrupted: The user asked to stop.
    """
    if any(stop.is_set() for stop in _heeded):
        raise Interrupted


@contextmanager
def listening(stop: StopSignal) -> Iterator[None]:
    """Sets `stop` on the first SIGINT or SIGTERM; raises `KeyboardInterrupt` on the second."""

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        print("\nstopping after the current batch; press again to stop at once", file=sys.stderr, flush=True)

    main = threading.current_thread() is threading.main_thread()  # Python lets the main thread alone listen
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)} if main else {}
    heed(stop)
    try:
        yield
    finally:
        _heeded.remove(stop)
        for number, handler in before.items():
            signal.signal(number, handler)
