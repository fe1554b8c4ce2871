"""A client that keeps the robot policy of Wikimedia and trusts nothing it is sent."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import httpx2

from robustmel.errors import MissingError, RobustMELError, UsageError
from robustmel.fetch.bounds import LateError, OversizeError, Pace, pause, whole_body
from robustmel.fetch.hosts import Hosts, RefusedAddressError
from robustmel.fetch.trust import distrust, trusted
from robustmel.version import __version__

TRIES = 5
REDIRECTS = 3
Value = TypeVar("Value")
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
        max_bytes: Of one answer, after decompression.
        deadline: Seconds for one answer, all its bytes included: a server that sends a byte a second must not hold a place for ever.
        pace: How often it asks; as fast as answers come where there is none.

    Raises:
        UsageError: The contact is none.

    Source:
        foundation.wikimedia.org, User-Agent policy; wikitech.wikimedia.org, Robot policy (two files at a time from
        upload.wikimedia.org).
    """

    def __init__(
        self,
        contact: str,
        hosts: Hosts | None = None,
        sleep: Callable[[float], None] = time.sleep,
        max_bytes: int = 50 * 2**20,
        deadline: float = 120.0,
        pace: Pace | None = None,
    ) -> None:
        if not _CONTACT.match(contact):
            raise UsageError(
                f'"{contact}" is not a contact; give a mail address or a web page, so that the site can reach you.'
            )
        self.hosts = hosts or Hosts()
        self._sleep, self._max_bytes, self._deadline, self._pace = sleep, max_bytes, deadline, pace
        self._draw = random.Random(0)
        self._wait = threading.Lock()
        agent = f"robustmel/{__version__} ({contact}) httpx2/{httpx2.__version__}"
        self._client = httpx2.Client(verify=trusted(), headers={"User-Agent": agent}, timeout=30.0, follow_redirects=False)

    def __enter__(self) -> PoliteClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, address: str) -> bytes:
        """The bytes behind an address, after up to `REDIRECTS` redirects within the allowed hosts; else as `read`."""
        return self.read(address, bytes)

    def read(self, address: str, reading: Callable[[bytes], Value]) -> Value:
        """What is made of the bytes behind an address.

        A busy server (429, 5xx, a broken connection) is asked again after the time it names, `TRIES` times in all.

        Args:
            address: Where to ask.
            reading: Makes something of the bytes; may raise `BusyError`.

        Raises:
            FetchError: There is nothing, or too much (`OversizeError` is its cause), or it took too long.
            ForbiddenError: 403: the policy was not kept, or the network is blocked.
            MissingError: Nobody vouches for the server's certificate.
        """
        for _ in range(REDIRECTS + 1):
            try:
                return self._persistent(address, reading)
            except _MovedError as moved:
                address = urljoin(address, str(moved))
        raise FetchError(f"more than {REDIRECTS} redirects.")

    def _persistent(self, address: str, reading: Callable[[bytes], Value]) -> Value:
        why = ""
        for tries in range(1, TRIES + 1):
            try:
                return self._once(address, reading)
            except BusyError as problem:
                why, header = str(problem), problem.retry_after
                if self._pace is not None:
                    self._pace.busy()
            except (httpx2.HTTPError, OSError) as problem:
                if doubt := distrust(problem):
                    raise MissingError(f"{urlsplit(address).hostname} cannot be asked: {doubt}") from problem
                why, header = f"{urlsplit(address).hostname}: {type(problem).__name__}: {problem}", None
            if tries < TRIES:
                with self._wait:  # whoever else is about to ask waits as well
                    self._sleep(pause(header, tries, self._draw))
        raise FetchError(f"no answer after {TRIES} tries ({why}).")

    def _once(self, address: str, reading: Callable[[bytes], Value]) -> Value:
        try:
            host, ip = self.hosts.resolved(address)
            parts, target = urlsplit(address), httpx2.URL(address).copy_with(host=ip)
        except (RefusedAddressError, ValueError, httpx2.InvalidURL) as problem:
            raise FetchError(str(problem)) from problem
        port = f":{parts.port}" if parts.port else ""
        with self._wait:
            pass
        if self._pace is not None:
            self._pace.take()
        ends = time.monotonic() + self._deadline
        extensions = {"sni_hostname": host}
        with self._client.stream("GET", target, headers={"Host": host + port}, extensions=extensions) as response:
            if response.status_code in (301, 302, 303, 307, 308):
                raise _MovedError(response.headers.get("Location", ""))
            if response.status_code == 403:
                raise ForbiddenError(
                    f"{host} refuses to answer (403); set a true contact with --contact, and see whether this network is blocked."
                )
            if response.status_code == 429 or response.status_code >= 500:
                raise BusyError(f"status {response.status_code}", response.headers.get("Retry-After"))
            if response.status_code != 200:
                raise FetchError(f"status {response.status_code}.")
            try:
                value = reading(whole_body(response, ends, self._max_bytes))
            except BusyError as problem:
                raise BusyError(str(problem), response.headers.get("Retry-After")) from problem
            except LateError as problem:
                raise FetchError(f"not complete after {self._deadline:g} seconds.") from problem
            except OversizeError as problem:
                raise FetchError(str(problem)) from problem
        if self._pace is not None:
            self._pace.fine()
        return value


class BusyError(Exception):
    """The server has no answer now, or one that is not what was asked for: it is asked again.

    Args:
        why: For the message when all tries are spent.
        retry_after: The header of that name.
    """

    def __init__(self, why: str, retry_after: str | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class _MovedError(Exception):
    """The answer is at another address."""
