"""The endpoint's failures are told from its answers, by a server on this machine that plays every one of them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from robustmel.errors import MissingError, UsageError
from robustmel.linkers.chat.service import ChatError, ChatService

KEY = "sk-very-secret"
PATH = "/v1/chat/completions"


def message(content: Any = "2", ended: str = "stop", **more: Any) -> dict[str, Any]:
    choice = {"message": {"role": "assistant", "content": content, **more}, "finish_reason": ended}
    return {"choices": [choice], "usage": {"prompt_tokens": 11, "completion_tokens": 3}}


def service(server: HTTPServer, deadline: float = 5.0) -> tuple[ChatService, list[float]]:
    waits: list[float] = []
    return ChatService(server.url_for("/v1"), KEY, deadline, waits.append), waits


def test_the_request_is_as_the_protocol_has_it_and_the_usage_is_read(httpserver: HTTPServer) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "?"}]}
    httpserver.expect_request(PATH, "POST", json=body, headers={"Authorization": f"Bearer {KEY}"}).respond_with_json(message())
    reply = service(httpserver)[0].ask(body)
    assert (reply.text, reply.status, reply.tokens_read, reply.tokens_written) == ("2", "ok", 11, 3)


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (message("", refusal="I won't."), "refused", "I won't."),
        (message("2", "content_filter"), "refused", "2"),
        (message("The answer is", "length"), "truncated", "The answer is"),
        (message(None, "tool_calls", tool_calls=[{"id": "1"}]), "tool_call", ""),
        (message([{"type": "text", "text": "2"}]), "ok", "2"),
        ({key: value for key, value in message().items() if key != "usage"}, "ok", "2"),
    ],
)
def test_every_way_to_end_has_its_status(httpserver: HTTPServer, body: Any, status: str, text: str) -> None:
    httpserver.expect_request(PATH).respond_with_json(body)
    reply = service(httpserver)[0].ask({})
    assert (reply.status, reply.text) == (status, text)


@pytest.mark.parametrize("body", [{"choices": []}, {}, [], {"choices": [{}]}, {"choices": None}])
def test_a_reply_without_a_message_is_a_failure(httpserver: HTTPServer, body: Any) -> None:
    httpserver.expect_request(PATH).respond_with_json(body)
    with pytest.raises(ChatError, match="malformed"):
        service(httpserver)[0].ask({})


@pytest.mark.parametrize(("status", "header", "least"), [(429, "3", 3.0), (429, None, 0.0), (500, None, 0.0), (503, "2", 2.0)])
def test_a_busy_server_is_asked_again_after_the_time_it_names(
    httpserver: HTTPServer, status: int, header: str | None, least: float
) -> None:
    headers = {"Retry-After": header} if header else {}
    httpserver.expect_ordered_request(PATH).respond_with_data("busy", status, headers)
    httpserver.expect_ordered_request(PATH).respond_with_json(message())
    asked, waits = service(httpserver, deadline=60)
    assert asked.ask({}).text == "2"
    assert len(waits) == 1
    assert waits[0] >= least


def test_who_stays_busy_beyond_the_deadline_has_no_reply(httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH).respond_with_data("busy", 429, {"Retry-After": "600"})
    asked, waits = service(httpserver, deadline=5)
    with pytest.raises(ChatError, match="http_429: busy"):
        asked.ask({})
    assert waits == []


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_key_or_an_unknown_model_ends_the_run_without_naming_the_key(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request(PATH).respond_with_json({"error": {"message": f"bad key {KEY}"}}, status)
    with pytest.raises(MissingError, match=f"http_{status}: bad key \\*\\*\\*") as problem:
        service(httpserver)[0].ask({})
    assert KEY not in str(problem.value)


def test_what_is_forbidden_once_the_key_was_taken_is_that_request_alone(httpserver: HTTPServer) -> None:
    """Some endpoints refuse what their moderation flags with 403: one page must not end the run."""
    asking, waits = service(httpserver)
    httpserver.expect_ordered_request(PATH).respond_with_json(message())
    httpserver.expect_ordered_request(PATH).respond_with_json({"error": {"message": "flagged"}}, 403)
    httpserver.expect_ordered_request(PATH).respond_with_json(message("1"))
    assert asking.ask({}).text == "2"
    with pytest.raises(ChatError, match="http_403: flagged"):
        asking.ask({})
    assert asking.ask({}).text == "1"
    assert waits == []


def test_a_request_that_cannot_be_taken_is_not_sent_again(httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request(PATH).respond_with_json({"error": {"message": "prompt too long\u001b[31m"}}, 400)
    with pytest.raises(ChatError, match=r"http_400: prompt too long\\x1b"):
        service(httpserver)[0].ask({})


def test_a_redirect_is_not_followed(httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH).respond_with_data("", 302, {"Location": "http://169.254.169.254/"})
    with pytest.raises(ChatError, match="http_302"):
        service(httpserver)[0].ask({})


def test_a_server_that_drips_is_cut_off_at_the_deadline(httpserver: HTTPServer) -> None:
    def drip(_: Request) -> Response:
        def parts() -> Any:
            for letter in json.dumps(message()):
                time.sleep(0.2)
                yield letter

        return Response(parts(), 200)

    httpserver.expect_request(PATH).respond_with_handler(drip)
    began = time.monotonic()
    with pytest.raises(ChatError, match="timeout"):
        service(httpserver, deadline=1)[0].ask({})
    assert time.monotonic() - began < 10  # all of it takes half a minute


def test_a_huge_body_is_not_read_to_its_end(httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH).respond_with_data(b"x" * (5 * 2**20))
    with pytest.raises(ChatError, match="too_long"):
        service(httpserver)[0].ask({})


def test_nobody_there_is_a_failure_of_the_row() -> None:
    with pytest.raises(ChatError, match="connection: ConnectError"):
        ChatService("http://127.0.0.1:9/v1", "", 0.5, lambda _: None).ask({})


@pytest.mark.parametrize("endpoint", ["localhost:8000", "ftp://x/v1", "http://user:secret@x/v1", "http://x/v1?key=secret", ""])
def test_an_address_that_is_none_or_holds_a_secret_is_refused_without_repeating_it(endpoint: str) -> None:
    with pytest.raises(UsageError) as problem:
        ChatService(endpoint, "", 1)
    assert "secret" not in str(problem.value)
