"""Errors of language in texts, as a LanguageTool server counts them."""

import json
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import httpx2

from robustmel.at_once import at_once
from robustmel.errors import MissingError, UsageError, printable
from robustmel.fetch.bounds import OversizeError, pause, whole_body
from robustmel.fetch.hosts import is_base_address
from robustmel.fetch.trust import distrust, trusted

AT_ONCE, TRIES, SECONDS, MAX_BYTES = 4, 5, 60.0, 16 * 2**20
"""Texts that are asked about at the same time; tries, seconds and bytes of each."""
START = "java -cp languagetool-server.jar org.languagetool.server.HTTPServer --port 8081"


class Found(NamedTuple):
    """How many errors a text has.

    Args:
        errors: Of every kind: grammar, spelling, casing, punctuation, style.
        typos: Those of LanguageTool's category TYPOS, misspellings.
    """

    errors: int
    typos: int


class LanguageTool:
    """A LanguageTool server, asked for the errors in texts.

    Args:
        address: Its base address, such as "http://localhost:8081".
        language: Code of the texts' language, such as "en-US" or "de-DE".
        sleep: Waits before another try; replaced in tests.

    Raises:
        UsageError: The address is none, or the server does not check this language.
        MissingError: No LanguageTool answers there.

    Source:
        languagetool.org/http-api, POST /v2/check.
    """

    def __init__(self, address: str, language: str = "en-US", sleep: Callable[[float], None] = time.sleep) -> None:
        if not is_base_address(address):
            raise UsageError(f'--grammar "{printable(address)}" is no base address such as "http://localhost:8081".')
        self._address, self._sleep, self._draw = address.rstrip("/").removesuffix("/v2") + "/v2/check", sleep, random.Random(0)
        self.language = language
        self._client = httpx2.Client(verify=trusted(), follow_redirects=False, timeout=SECONDS)
        status, content = self._answer("One sentence.", tries=1)
        if status == 400:
            raise UsageError(f'{self._address} does not check the language "{printable(language)}": {_shown(content)}')
        software = self._read(status, content).get("software")
        version = software.get("version") if isinstance(software, dict) else None
        self.release = str(version or "")
        """Of the server; "" where it does not say."""

    def errors(self, texts: Sequence[str]) -> list[Found | None]:
        """What each text has; None for one that the server will not check (too long), or not to its end.

        Raises:
            MissingError: The server is gone, or what answers is no LanguageTool.
        """
        distinct = list(dict.fromkeys(texts))
        known = dict(zip(distinct, at_once(self._errors, distinct, AT_ONCE), strict=True))
        return [known[text] for text in texts]

    def _errors(self, text: str) -> Found | None:
        if not text:
            return Found(0, 0)
        status, content = self._answer(text, TRIES)
        if status in (400, 413):
            return None
        body = self._read(status, content)
        try:
            if (body.get("warnings") or {}).get("incompleteResults"):
                return None
            categories = [match["rule"]["category"]["id"] for match in body["matches"]]
        except (KeyError, TypeError, AttributeError):
            raise self._stranger(status, content) from None
        return Found(len(categories), categories.count("TYPOS"))

    def _answer(self, text: str, tries: int) -> tuple[int, bytes]:
        """Status and body; a busy server and a broken connection are tried again after a pause."""
        form, ends = {"text": text, "language": self.language}, time.monotonic() + SECONDS
        for tried in range(1, tries + 1):
            try:
                with self._client.stream("POST", self._address, data=form) as response:
                    answer = response.status_code, whole_body(response, ends, MAX_BYTES)
                wait = response.headers.get("Retry-After")
                if answer[0] not in (429, 503) or tried == tries:
                    return answer
            except (httpx2.HTTPError, OversizeError) as problem:
                if tried == tries or isinstance(problem, OversizeError) or distrust(problem):
                    why = distrust(problem) or f"{type(problem).__name__}: {printable(str(problem))}"
                    raise MissingError(
                        f"no LanguageTool server answers at {self._address} ({why}). Start one ({START}), or name another with --grammar URL."
                    ) from problem
                wait = None
            self._sleep(pause(wait, tried, self._draw))
        raise AssertionError

    def _read(self, status: int, content: bytes) -> dict[str, Any]:
        try:
            body = json.loads(content) if status == 200 else None
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict) or not isinstance(body.get("matches"), list):
            raise self._stranger(status, content)
        return body

    def _stranger(self, status: int, content: bytes) -> MissingError:
        return MissingError(f"{self._address} does not answer as LanguageTool does (status {status}: {_shown(content)}).")


def _shown(content: bytes) -> str:
    return printable(content[:200].decode("utf-8", "replace").strip(), 160)
