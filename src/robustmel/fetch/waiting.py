"""How long to wait before asking again."""

from __future__ import annotations

import email.utils
import math
import random
from datetime import UTC, datetime

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
