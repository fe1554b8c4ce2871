"""Ctrl-C and SIGTERM: the first lets the current shard finish, the second stops at once."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol


class Interrupted(Exception):  # noqa: N818 - not an error: the same command goes on
    """The user asked to stop; everything finished so far is kept."""


class Flag(Protocol):
    """Set once, seen by everyone who works (a `threading.Event`, or a multiprocessing one)."""

    def is_set(self) -> bool:
        """Whether the user asked to stop."""
        ...

    def set(self) -> None:
        """Asks everyone to stop after the current shard."""
        ...


@contextmanager
def listening(flag: Flag) -> Iterator[None]:
    """Sets `flag` on the first SIGINT or SIGTERM; raises `KeyboardInterrupt` on the second."""

    def ask(number: int, frame: FrameType | None) -> None:
        if flag.is_set():
            raise KeyboardInterrupt
        flag.set()
        print("\nstopping after the current batch; once more to stop at once", file=sys.stderr, flush=True)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
