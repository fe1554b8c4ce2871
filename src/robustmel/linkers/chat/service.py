"""One call to a chat endpoint: waits, tries again within a deadline, and tells failures from answers."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2

from robustmel.errors import MissingError, RobustMELError, UsageError, printable
from robustmel.fetch.bounds import OversizeError, pause, whole_body
from robustmel.fetch.hosts import is_base_address
from robustmel.fetch.trust import distrust, trusted

MAX_BYTES = 4 * 2**20
"""Of one reply."""


class ChatError(Exception):
    """A call without a reply: what the row's error says ("timeout: ...")."""


@dataclass(frozen=True)
class Reply:
    """What came back.

    Args:
        text: All that the model wrote.
        status: "ok", "refused" (the model or a content filter declined), "truncated" (it ran out of tokens), "tool_call".
        tokens_read: Of the prompt, by the endpoint's own count; 0 where it does not say.
        tokens_written: Of the reply.
        scores: Log-probabilities of what could have been written first, where they were asked for.
    """

    text: str
    status: str
    tokens_read: int
    tokens_written: int
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """Where a request goes, and how what comes back is read.

    Args:
        path: Below the endpoint's base address.
        read: From a decoded body to the reply; KeyError, IndexError, TypeError, ValueError or AttributeError where it holds none.
    """

    path: str
    read: Callable[[Any], Reply]


def read_message(body: Any) -> Reply:
    """The reply of a chat endpoint."""
    choice = body["choices"][0]
    message = choice["message"]
    text, refusal = message.get("content"), message.get("refusal")
    if isinstance(text, list):  # parts, as some servers write it
        text = "".join(part.get("text", "") for part in text)
    ended = choice.get("finish_reason")
    status = "ok"
    if refusal or ended == "content_filter":
        status = "refused"
    elif message.get("tool_calls") or ended in ("tool_calls", "function_call"):
        status = "tool_call"
    elif ended == "length":
        status = "truncated"
    read, written = counted(body, "prompt_tokens", "completion_tokens")
    return Reply(str(text or refusal or ""), status, read, written)


def counted(body: Any, read: str, written: str) -> tuple[int, int]:
    """Tokens by the endpoint's own count, under these names; 0 where it does not say."""
    usage = body.get("usage") or {}
    return max(0, int(usage.get(read) or 0)), max(0, int(usage.get(written) or 0))


MESSAGES = Route("/chat/completions", read_message)
"""Of the OpenAI protocol."""


class ChatService:
    """An OpenAI-compatible endpoint; may be shared by threads.

    Args:
        endpoint: Its base address, such as "http://localhost:8000/v1".
        key: Sent as a bearer token, and nowhere written; "" sends none.
        deadline: Seconds that a call may take, tries and waits included.
        sleep: Waits; replaced in tests.

    Raises:
        UsageError: The address is no plain http or https address.
    """

    def __init__(self, endpoint: str, key: str, deadline: float, sleep: Callable[[float], None] = time.sleep) -> None:
        if not is_base_address(endpoint):
            raise UsageError(
                f'endpoint = "{_without_secrets(endpoint)}" is no base address such as "http://localhost:8000/v1"; a key belongs into'
                " the environment variable that key_variable names."
            )
        self._endpoint, self._key, self._deadline, self._sleep = endpoint.rstrip("/"), key, deadline, sleep
        self._draw = random.Random(0)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._answered = False
        self._client = httpx2.Client(verify=trusted(), headers=headers, follow_redirects=False, timeout=None)

    def ask(self, body: Mapping[str, Any], route: Route = MESSAGES) -> Reply:
        """The reply to a request.

        Busy servers (429, 5xx, broken connections) are asked again after the time they name, until the deadline.

        Raises:
            ChatError: There is no reply: the deadline passed, or the endpoint cannot take this request.
            MissingError: The endpoint refuses the key, knows no such model, or its certificate is not trusted: no other request would
                fare better.
        """
        ends, tries, why, address = time.monotonic() + self._deadline, 0, "", self._endpoint + route.path
        while True:
            tries += 1
            wait: str | None = None
            try:
                status, headers, content = self._post(address, body, ends)
                if status == 200:
                    self._answered = True
                    return self._read(content, route.read)
                why = f"http_{status}: {self._message(content)}"
                if status in (401, 403, 404) and not (
                    status == 403 and self._answered
                ):  # a key that was taken is not what is refused
                    raise MissingError(f"{address} answers {why}. Check the endpoint, the model's name and the key.")
                if status not in (408, 409, 425, 429) and status < 500:
                    raise ChatError(why)
                wait = headers.get("Retry-After")
            except OversizeError as problem:
                raise ChatError(f"too_long: a reply {problem}") from None
            except httpx2.TimeoutException:
                raise ChatError(
                    f"timeout: no reply within {self._deadline:g} seconds after {tries} tries; {why or 'silence'}"
                ) from None
            except httpx2.HTTPError as problem:
                if doubt := distrust(problem):
                    raise MissingError(f"{address} cannot be asked: {doubt}") from problem
                why = f"connection: {type(problem).__name__}: {self._safe(str(problem))}"
            seconds = pause(wait, tries, self._draw)
            if time.monotonic() + seconds >= ends:
                raise ChatError(f"{why} (after {tries} tries)")
            self._sleep(seconds)

    def _post(self, address: str, body: Mapping[str, Any], ends: float) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body; a server that drips is cut off at the deadline."""
        left = max(0.05, ends - time.monotonic())
        with self._client.stream("POST", address, json=body, timeout=httpx2.Timeout(left)) as response:
            return response.status_code, response.headers, whole_body(response, ends, MAX_BYTES)

    def _read(self, content: bytes, read: Callable[[Any], Reply]) -> Reply:
        try:
            return read(json.loads(content))
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError):
            raise ChatError(
                f"malformed: the endpoint's reply holds no answer: {self._safe(content[:200].decode('utf-8', 'replace'))}"
            ) from None

    def _message(self, content: bytes) -> str:
        try:
            body = json.loads(content)
            said = body["error"]["message"] if isinstance(body["error"], dict) else body["error"]
        except (KeyError, TypeError, ValueError, RecursionError):
            said = content[:200].decode("utf-8", "replace")
        return self._safe(str(said))

    def _safe(self, text: str) -> str:
        """A text of the server's without the key, on one line."""
        return printable(text.replace(self._key, "***") if self._key else text, 200)


def _without_secrets(endpoint: str) -> str:
    return printable(endpoint.rpartition("@")[2].partition("?")[0])


def needs_key(variable: str, key: str | None, endpoint: str) -> None:
    """Notes early that a hosted endpoint gets no key.

    Raises:
        RobustMELError: It lies on another machine by https, and the variable is empty.
    """
    if not key and urlsplit(endpoint).scheme == "https":
        raise RobustMELError(
            f"the environment variable {variable} holds no key for {_without_secrets(endpoint)}; set it, or name another with key_variable."
        )
