"""A client that keeps the robot policy of Wikimedia and trusts nothing it is sent."""

from __future__ import annotations

import email.utils
import math
import random
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

import httpx2

from robustmel.errors import RobustMELError, UsageError
from robustmel.fetch.hosts import Hosts, RefusedAddressError
from robustmel.version import __version__

MAX_BYTES = 50 * 2**20
"""Of one file, after decompression."""
DEADLINE = 120.0
"""Seconds for one file, all its bytes included: a server that sends a byte a second must not hold a place for ever."""
TRIES = 5
REDIRECTS = 3
_CONTACT = re.compile(r"^(?:[^@\s]+@[^@\s]+\.[^@\s]+|https?://\S+\.\S+)$")


class ForbiddenError(RobustMELError):
    """The server will not answer us at all; asking on would be rude."""


class FetchError(RobustMELError):
    """One address could not be fetched; the sentence says why."""


class PoliteClient:
    """Fetches files, few at a time, with a name and a contact; may be shared by threads.

    Args:
        contact: A mail address or web page of whoever runs this; Wikimedia's policy asks for it.
        hosts: Whom it may ask.
        sleep: Waits; replaced in tests.

    Raises:
        UsageError: The contact is none.

    Source:
        foundation.wikimedia.org, User-Agent policy; wikitech.wikimedia.org, Robot policy (two files at a time from
        upload.wikimedia.org).
    """

    def __init__(self, contact: str, hosts: Hosts | None = None, sleep: Callable[[float], None] = time.sleep) -> None:
        if not _CONTACT.match(contact):
            raise UsageError(
                f'"{contact}" is not a contact; give a mail address or a web page, so that the site can reach you.'
            )
        self.hosts = hosts or Hosts()
        self._sleep = sleep
        self._draw = random.Random(0)
        self._wait = threading.Lock()
        agent = f"robustmel/{__version__} ({contact}) httpx2/{httpx2.__version__}"
        self._client = httpx2.Client(headers={"User-Agent": agent}, timeout=30.0, follow_redirects=False)

    def __enter__(self) -> PoliteClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, address: str) -> bytes:
        """The bytes behind an address, after up to `REDIRECTS` redirects within the allowed hosts.

        A busy server (429, 5xx, a broken connection) is asked again after the time it names, `TRIES` times in all.

        Raises:
            FetchError: There is nothing, or too much, or it took too long.
            ForbiddenError: 403: the policy was not kept, or the network is blocked.
        """
        for _ in range(REDIRECTS + 1):
            answer = self._persistent(address)
            if isinstance(answer, bytes):
                return answer
            address = urljoin(address, answer)
        raise FetchError(f"more than {REDIRECTS} redirects.")

    def _persistent(self, address: str) -> bytes | str:
        why = ""
        for tries in range(1, TRIES + 1):
            try:
                return self._once(address)
            except _BusyError as problem:
                why, header = str(problem), problem.retry_after
            except (httpx2.HTTPError, OSError) as problem:
                why, header = f"{type(problem).__name__}: {problem}", None
            if tries < TRIES:
                with self._wait:  # whoever else is about to ask waits as well
                    self._sleep(pause(header, tries, self._draw))
        raise FetchError(f"no answer after {TRIES} tries ({why}).")

    def _once(self, address: str) -> bytes | str:
        """The bytes, or where the answer points to."""
        try:
            host, ip = self.hosts.resolved(address)
            parts, target = urlsplit(address), httpx2.URL(address).copy_with(host=ip)
        except (RefusedAddressError, ValueError, httpx2.InvalidURL) as problem:
            raise FetchError(str(problem)) from problem
        port = f":{parts.port}" if parts.port else ""
        with self._wait:
            pass
        ends = time.monotonic() + DEADLINE
        extensions = {"sni_hostname": host}
        with self._client.stream("GET", target, headers={"Host": host + port}, extensions=extensions) as response:
            if response.status_code in (301, 302, 303, 307, 308):
                return response.headers.get("Location", "")
            if response.status_code == 403:
                raise ForbiddenError(
                    f"{host} refuses to answer (403); set a true contact with --contact, and see whether this network is blocked."
                )
            if response.status_code == 429 or response.status_code >= 500:
                raise _BusyError(f"status {response.status_code}", response.headers.get("Retry-After"))
            if response.status_code != 200:
                raise FetchError(f"status {response.status_code}.")
            return _body(response, ends)


def _body(response: httpx2.Response, ends: float) -> bytes:
    parts, size = [], 0
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > MAX_BYTES:
            raise FetchError(f"over {MAX_BYTES // 2**20} MB.")
        if time.monotonic() > ends:
            raise FetchError(f"not complete after {DEADLINE:.0f} seconds.")
        parts.append(chunk)
    return b"".join(parts)


class _BusyError(Exception):
    def __init__(self, why: str, retry_after: str | None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


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
