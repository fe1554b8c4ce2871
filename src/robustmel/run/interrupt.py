"""Ctrl-C and SIGTERM: the first lets the current shard finish if it soon does, the second stops at once."""

import math
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Protocol

PATIENCE = 3.0
"""Seconds that a shard has to finish once the user has asked to stop; it is done anew when the same command goes on."""

LAST = 2 * PATIENCE
"""Seconds after which the first signal is taken for the second: amid a shard that asks nobody, such as one long batch of a linker."""


class Interrupted(KeyboardInterrupt):
    """The user asked to stop; everything finished so far is kept. No error, which attacks might catch or be blamed for."""


class StopSignal(Protocol):
    """Set once, seen by everyone who works (a `threading.Event`, or a multiprocessing one)."""

    def is_set(self) -> bool:
        """Whether the user asked to stop."""

    def set(self) -> None:
        """Asks everyone to stop."""


_heeded: dict[StopSignal, float] = {}
"""Signal -> when it was first seen set; infinity until then."""


def heed(stop: StopSignal) -> None:
    """Makes `stop_if_asked` obey this signal for the rest of the process (a worker's)."""
    _heeded[stop] = math.inf


def stop_if_asked(after: float = 0.0) -> None:
    """Called between shards and while waiting; within a shard, whenever an attack asks its source, with `PATIENCE`.

    Raises:
        Interrupted: The user asked to stop, and this has been known for so many seconds.
    """
    now = time.monotonic()
    _heeded.update((stop, min(seen, now)) for stop, seen in _heeded.items() if stop.is_set())
    if now - min(_heeded.values(), default=math.inf) >= after:
        raise Interrupted


@contextmanager
def listening(stop: StopSignal) -> Iterator[None]:
    """Sets `stop` on the first SIGINT or SIGTERM; raises `KeyboardInterrupt` on the second, or `LAST` seconds after the first."""
    pending: list[threading.Timer] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        pending.append(_again_later(number))
        with suppress(RuntimeError):  # the signal may come amid a write to the same stream
            print(
                "\nstopping with the current batch, or within it if it takes long; press again to stop at once",
                file=sys.stderr,
                flush=True,
            )

    main = threading.current_thread() is threading.main_thread()  # Python lets the main thread alone listen
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)} if main else {}
    heed(stop)
    try:
        yield
    finally:
        for timer in pending:
            timer.cancel()
        del _heeded[stop]
        for number, handler in before.items():
            signal.signal(number, handler)


def _again_later(number: int) -> threading.Timer:
    """Sends a signal to the main thread once more, after `LAST` seconds; it ends what sleeps or waits there."""
    send = getattr(signal, "pthread_kill", None)  # Windows has none
    main = threading.main_thread().ident
    timer = threading.Timer(LAST, send, (main, number)) if send else threading.Timer(LAST, signal.raise_signal, (number,))
    timer.daemon = True
    timer.start()
    return timer
