"""Errors of language, counted by a server on this machine that answers as LanguageTool documents it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from robustmel.cli.entry import run
from robustmel.errors import MissingError, UsageError
from robustmel.poisoning.language_tool import Found, LanguageTool
from robustmel.poisoning.stealth import Stealth

SPELT = re.compile("the|old|walls|of|paris|rome|shine|brightly|said|a|one|sentence|stands|on|green|hills|tall|shining")


def match(category: str, text: str, place: int, length: int) -> dict[str, Any]:
    rule = {
        "id": f"{category}_RULE",
        "description": "a rule",
        "issueType": "other",
        "category": {"id": category, "name": category},
    }
    context = {"text": text, "offset": place, "length": length}
    return {
        "message": "!",
        "offset": place,
        "length": length,
        "replacements": [],
        "context": context,
        "sentence": text,
        "rule": rule,
    }


def answer(request: Request) -> Response:
    """Takes unknown lower-case words for typos, and a word that is said twice for bad grammar."""
    text, language = request.form["text"], request.form["language"]
    if language not in ("en-US", "de-DE"):
        return Response(f"Error: '{language}' is not a language code known to LanguageTool.", 400)
    if len(text) > 1000:
        return Response("Error: Your text exceeds the limit of 1000 characters", 413)
    words = [found for found in re.finditer(r"\b[a-z]+\b", text) if not SPELT.fullmatch(found[0])]
    matches = [match("TYPOS", text, found.start(), len(found[0])) for found in words]
    matches += [match("GRAMMAR", text, found.start(), len(found[0])) for found in re.finditer(r"\b(\w+) \1\b", text)]
    body = {"software": {"name": "LanguageTool", "version": "6.4", "apiVersion": 1, "status": ""}, "matches": matches}
    body |= {"language": {"name": "English (US)", "code": language}, "warnings": {"incompleteResults": "slow" in text}}
    return Response(json.dumps(body), content_type="application/json")


@pytest.fixture(scope="module")
def server() -> Iterator[HTTPServer]:
    with HTTPServer() as running:
        running.expect_request("/v2/check", "POST").respond_with_handler(answer)
        yield running


def test_errors_and_the_typos_among_them_are_counted_before_and_after(server: HTTPServer) -> None:
    checker = LanguageTool(server.url_for("/"))
    assert (checker.release, LanguageTool(server.url_for("/v2"), "de-DE").language) == ("6.4", "de-DE")
    texts = ["the old walls", "teh old walls", "the the olf walls", "", "the old walls"]
    assert checker.errors(texts) == [Found(0, 0), Found(1, 1), Found(2, 1), Found(0, 0), Found(0, 0)]
    pairs = [("the old walls", "teh old walls"), ("teh old walls", "the old walls"), ("the old", "the the olf"), ("", "the")]
    measured = Stealth(grammar=checker).measures(pairs)
    assert [tuple(values.values()) for values in measured] == [(1, 1), (-1, -1), (2, 1), (0, 0)]
    assert set(measured[0]) == {"added_errors", "added_typos"}


def test_a_text_that_is_not_checked_to_its_end_has_no_count(server: HTTPServer) -> None:
    pairs = [("the old", "the old " * 200), ("the walls", "the slow walls"), ("the walls", "teh walls")]
    assert [len(values) for values in Stealth(grammar=LanguageTool(server.url_for("/"))).measures(pairs)] == [0, 0, 2]


def test_a_busy_server_is_asked_again(httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/v2/check").respond_with_handler(answer)
    httpserver.expect_ordered_request("/v2/check").respond_with_data("", 503, headers={"Retry-After": "7"})
    httpserver.expect_ordered_request("/v2/check").respond_with_handler(answer)
    waits: list[float] = []
    assert LanguageTool(httpserver.url_for("/"), sleep=waits.append).errors(["teh"]) == [Found(1, 1)]
    assert waits == [7]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("<html>", 200), ("[]", 200), ("{}", 200), ('{"matches": 3}', 200), ('{"matches": [{"rule": {}}]}', 200), ("gone", 404),
        ("oops", 500), ("", 302),
    ],
)  # fmt: skip
def test_what_is_no_language_tool_is_told(httpserver: HTTPServer, body: str, status: int) -> None:
    httpserver.expect_request("/v2/check").respond_with_data(body, status, headers={"Location": "/elsewhere"})
    with pytest.raises(MissingError, match=r"/v2/check does not answer as LanguageTool does \(status"):
        LanguageTool(httpserver.url_for("/")).errors(["teh"])


@pytest.mark.parametrize(
    "address", ["localhost:8081", "ftp://localhost", "http://me:word@localhost", "http://localhost?key=1", ""]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="is no base address"):
        LanguageTool(address)


def test_the_command_writes_and_prints_what_the_edits_add(
    odd_data: Path, server: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = odd_data.parent
    options = ["--path", str(odd_data), "--attack", "qwerty", "--record-rate", "1", "--store", str(folder / "store")]
    command = ["poison", "jsonl", *options, "--out", str(folder / "out"), "--grammar"]
    assert run([*command, server.url_for("/")]) == 0
    told = capsys.readouterr().err
    records = [json.loads(line) for line in (folder / "out" / "provenance.jsonl").read_text("utf-8").splitlines()]
    added = [record["measures"]["added_typos"] for record in records if record.get("measures")]
    about = json.loads((folder / "out" / "poison.json").read_text())
    changed = sum(record["changed"] for record in records)
    assert about["measured"]["added_typos"] == len(added) == changed - 2  # one is too long for this server, one too slow
    assert sum(added) > 0
    assert about["means"]["added_typos"] == pytest.approx(sum(added) / len(added))
    assert about["measured_by"] == {"LanguageTool": "6.4", "language": "en-US"}
    assert f"added typos of {len(added)} edited texts: {about['measures']['added_typos']:.3f} (median), " in told
    assert run([*command, server.url_for("/")]) == 0
    assert run([*command, server.url_for("/"), "--language", "de-DE"]) == 3  # measured otherwise
    assert run([*command, server.url_for("/"), "--language", "en"]) == 2
    assert "'en' is not a language code known to LanguageTool" in capsys.readouterr().err
    assert run([*command, "http://localhost:9"]) == 3
    assert re.search(r"no LanguageTool server answers at http://localhost:9/v2/check .*org\.languagetool\.server\.HTTPServer --port 8081",
                     capsys.readouterr().err.replace("\n", " "))  # fmt: skip
