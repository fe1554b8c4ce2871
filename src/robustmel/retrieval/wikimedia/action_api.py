"""MediaWiki's Action API: its errors come with status 200, its answers in pieces and in any order."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from robustmel.fetch.bounds import OversizeError
from robustmel.fetch.client import BusyError, FetchError, PoliteClient

PIECES = 20
"""Requests that one answer may be spread over."""
PATIENCE = 3
_AGAIN = re.compile(r"maxlag|ratelimited|readonly|cirrussearch-too-busy-error|internal_api_error_.*")
_LONGEST_LIST = 6000
"""Characters of a list in an address; servers refuse addresses of over 8,000."""
Value = TypeVar("Value")


class ApiError(FetchError):
    """The API refuses a request; asked again, it would do the same."""


class ActionApi:
    """One wiki's API.

    Args:
        client: Asks.
        address: Of its api.php.
    """

    def __init__(self, client: PoliteClient, address: str) -> None:
        self._client, self._address = client, address
        self.silent = 0
        """Batches in a row that got no answer at all."""

    def answers(self, parameters: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """The pieces of an answer, continued to the end.

        Raises:
            ApiError: The request is refused, or its answer has over `PIECES` pieces.
            FetchError: There is no answer.
            ForbiddenError: The server refuses us.
        """
        always = {"format": "json", "formatversion": "2", "maxlag": "5"}
        more: dict[str, str] = {}
        for _ in range(PIECES):
            query = urlencode(sorted((dict(parameters) | always | more).items()))
            answer = self._client.read(f"{self._address}?{query}", _answer)
            yield answer
            more = {key: str(value) for key, value in mapping(answer.get("continue")).items()}
            if not more:
                return
        raise ApiError(f"an answer in over {PIECES} pieces.")


def _answer(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise BusyError("an answer that is no JSON") from None
    if not isinstance(answer, dict):
        raise BusyError("an answer that is no object")
    if "error" in answer:
        error = mapping(answer["error"])
        code, why = str(error.get("code")), str(error.get("info"))[:200]
        raise BusyError(f"{code}: {why}") if _AGAIN.fullmatch(code) else ApiError(f"{code}: {why}.")
    return answer


def mapping(value: Any) -> dict[str, Any]:
    """A JSON object; an empty one is written as a list in places, and anything else counts as empty too."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a JSON list."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def in_batches(
    api: ActionApi,
    texts: Sequence[str],
    most: int,
    fetch: Callable[[ActionApi, list[str]], dict[str, Value]],
    failed: dict[str, str],
) -> Iterator[dict[str, Value]]:
    """Fetches many, a batch at a time; a batch that the API refuses or leaves unanswered is halved until what it does not take is alone.

    Args:
        api: Asked; after `PATIENCE` batches or parts of them in a row without any answer, no more.
        texts: What is asked.
        most: A batch.
        fetch: For a batch.
        failed: Gets what could not be fetched, and why.

    Raises:
        ForbiddenError: The server refuses us.
    """
    waiting = _batches(texts, most)
    while waiting:
        batch = waiting.pop(0)
        why = "there was no answer to the requests before"
        if api.silent < PATIENCE:
            try:
                answer = fetch(api, batch)
            except FetchError as problem:
                why = str(problem)
                refused = isinstance(problem, ApiError) or isinstance(problem.__cause__, OversizeError)
                api.silent = 0 if refused else api.silent + 1
                if len(batch) > 1 and (refused or api.silent < PATIENCE):  # one page may break the answer about all
                    waiting[:0] = [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
                    continue
            else:
                api.silent = 0
                yield answer
                continue
        failed.update(dict.fromkeys(batch, why))


def _batches(texts: Sequence[str], most: int) -> list[list[str]]:
    batches: list[list[str]] = []
    length = 0
    for text in texts:
        encoded = len(urlencode({"": text})) + 2
        if not batches or len(batches[-1]) == most or length + encoded > _LONGEST_LIST:
            batches.append([])
            length = 0
        batches[-1].append(text)
        length += encoded
    return batches
