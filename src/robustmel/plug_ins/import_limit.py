"""Imports of other people's code, given up when they do not end."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SECONDS = 300.0
"""Of one import, with all that it imports: large libraries on a slow disk take minutes."""


class _LateError(BaseException):
    """No `Exception`, so that code which catches those does not catch this."""


@contextmanager
def limited(seconds: float | None = None) -> Iterator[None]:
    """Ends what runs inside after a time, if this is the main thread of a system that has alarms; elsewhere, it may take for ever.

    Args:
        seconds: `SECONDS` where None.

    Raises:
        TimeoutError: The time was over.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return
    most = SECONDS if seconds is None else seconds

    def late(number: int, frame: FrameType | None) -> None:
        raise _LateError

    before = signal.signal(signal.SIGALRM, late)
    left, interval = signal.setitimer(signal.ITIMER_REAL, most, 1.0)  # again each second, for code that catches everything
    try:
        yield
    except _LateError:
        raise TimeoutError(f"it did not end within {most:g} seconds") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, left, interval)
        signal.signal(signal.SIGALRM, before or signal.SIG_DFL)  # None: set by C, and lost
