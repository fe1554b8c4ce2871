"""What keeps requests within bounds, whoever is asked: bytes, seconds, and pauses before another try."""

from __future__ import annotations

import email.utils
import math
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import httpx2


class OversizeError(Exception):
    """An answer has more bytes than it may."""


class LateError(httpx2.ReadTimeout):
    """An answer is not complete at its deadline."""


def whole_body(response: httpx2.Response, ends: float, most: int) -> bytes:
    """The body, decompressed as it arrives: a server that drips, or sends a bomb, is cut off.

    Args:
        response: A stream.
        ends: The deadline, on the monotonic clock.
        most: Bytes.

    Raises:
        OversizeError: It has more bytes.
        LateError: The deadline has passed.
    """
    parts, size = [], 0
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > most:
            raise OversizeError(f"over {most / 2**20:g} MB.")
        if time.monotonic() > ends:
            raise LateError("deadline")
        parts.append(chunk)
    return b"".join(parts)


LONGEST = 120.0
"""Seconds; a server that wants more is asked again then."""


def retry_after(header: str | None, now: datetime | None = None) -> float:
    """Seconds that a Retry-After header asks for: a number, or a date (one that has passed gives 0); 0 where it says nothing."""
    if header is None:
        return 0.0
    try:
        seconds = float(header)
        return max(seconds, 0.0) if math.isfinite(seconds) else 0.0
    except ValueError:
        pass
    try:
        date = email.utils.parsedate_to_datetime(header)
    except (ValueError, TypeError):
        return 0.0
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max((date - (now or datetime.now(UTC))).total_seconds(), 0.0)


def pause(header: str | None, tries: int, draw: random.Random) -> float:
    """Seconds before try `tries` + 1: what the header asks for, at least a doubling pause with full jitter, at most `LONGEST`."""
    return min(max(retry_after(header), draw.uniform(0, 2.0**tries)), LONGEST)


class Pace:
    """A token bucket: so many requests a minute, a few of them at once; slower for a while when the server says it is busy.

    Args:
        per_minute: Requests.
        at_once: Those that need not wait after a rest.
        sleep: Waits; replaced in tests.
        clock: Seconds; replaced in tests.
    """

    def __init__(
        self,
        per_minute: float,
        at_once: int = 5,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = self._full_rate = per_minute / 60
        self._tokens, self._at_once, self._sleep, self._clock = float(at_once), at_once, sleep, clock
        self._then, self._lock = clock(), threading.Lock()

    def take(self) -> None:
        """Waits until the next request may be sent."""
        with self._lock:
            now = self._clock()
            tokens = min(self._at_once, self._tokens + (now - self._then) * self._rate) - 1
            wait = max(0.0, -tokens / self._rate)
            self._then, self._tokens = now + wait, max(0.0, tokens)
        if wait:
            self._sleep(wait)

    def busy(self) -> None:
        """Halves the rate, to no less than a sixteenth of what was asked for."""
        self._rate = max(self._rate / 2, self._full_rate / 16)

    def fine(self) -> None:
        """A twentieth faster again, up to what was asked for."""
        self._rate = min(self._rate * 1.05, self._full_rate)
