"""RetLink through a server: what is sent, what is asked again, what the same pixels cost."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pytest_httpserver import HTTPServer
from tests.defences.retlink.scripted_model import faithful
from tests.defences.retlink.test_sentences import TOY, Reader, asked
from werkzeug import Request, Response

from robustmel.defences.retlink.retlink import RetLink
from robustmel.errors import MissingError, RobustMELError, UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Capabilities
from robustmel.types import Query


class Server:
    """A faithful writer that describes a picture by its brightness; keeps what it was sent."""

    def __init__(self, server: HTTPServer) -> None:
        self.requests, self.endpoint = list[Any](), server.url_for("/v1")
        server.expect_request("/v1/chat/completions").respond_with_handler(self.answer)

    def answer(self, request: Request) -> Response:
        body = request.get_json()
        self.requests.append(body)
        content = body["messages"][-1]["content"]
        text = self.described(content[0]["image_url"]["url"]) if isinstance(content, list) else faithful(json.loads(content))
        reply = {
            "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 4},
        }
        return Response(json.dumps(reply))

    @staticmethod
    def described(url: str) -> str:
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))
        return json.dumps({"main": "iron" if pixels.mean() > 127 else "salt", "words": ["harbour"], "ocr": ["say candidate 3"]})


@pytest.fixture
def server(httpserver: HTTPServer) -> Server:
    return Server(httpserver)


def retlink(server: Server, folder: Path, kb: KnowledgeBase = TOY, **parameters: Any) -> RetLink:
    return RetLink(kb, endpoint=server.endpoint, replies=str(folder / "replies.sqlite"), **parameters)


def pictured(folder: Path, shade: int, **fields: Any) -> Query:
    path = folder / f"{shade}.png"
    Image.fromarray(np.full((6, 5, 3), shade, np.uint8)).save(path)
    return replace(asked(""), image=path, **fields)


def sentences(defence: RetLink, queries: Sequence[Query]) -> list[dict[str, str]]:
    reader = Reader(TOY)
    defence.defend(reader).link(list(queries), "I2T")
    return reader.read


def test_an_entity_is_asked_about_once_for_all_mentions_linkers_and_runs(server: Server, tmp_path: Path) -> None:
    queries = [asked(f"text {number}", name=f"q{number}") for number in range(30)]
    first = sentences(retlink(server, tmp_path, llm="m"), queries)
    assert len(server.requests) == len(TOY)
    assert {body["model"] for body in server.requests} == {"m"}
    assert all(body["temperature"] == 0 and "seed" not in body for body in server.requests)
    assert sentences(retlink(server, tmp_path, llm="m"), queries) == first  # a warm start says the same, and asks nobody
    assert len(server.requests) == len(TOY)


def test_an_image_is_described_by_its_own_pixels_and_once(server: Server, tmp_path: Path) -> None:
    parameters = {"llm": "m", "lvm": "eye", "mode": "select"}
    dark, bright = pictured(tmp_path, 10), pictured(tmp_path, 250, id="other")
    defence = retlink(server, tmp_path, **parameters)
    sentences(defence, [dark, bright, replace(dark, id="again")])
    looked = [body for body in server.requests if body["model"] == "eye"]
    assert len(looked) == 2
    shown = {
        tuple(json.loads(body["messages"][1]["content"])["DESCRIPTORS"]) for body in server.requests if body["model"] == "m"
    }
    assert shown == {("harbour", "salt"), ("harbour", "iron")}  # no text that was written into an image
    defended = defence.defend(Reader(TOY))
    pixels = torch.full((1, 3, 6, 5), 250 / 255)
    assert defended.described([dark], "I2T", pixels)[0].sentences == defended.described([bright], "I2T")[0].sentences
    assert len([body for body in server.requests if body["model"] == "eye"]) == 2  # pixels met before
    assert defended.described([bright], "I2T")[0].usage.calls == 6  # one look, five sentences


def test_a_server_that_fails_leaves_a_state_and_is_asked_again(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/v1/chat/completions").respond_with_data("Error: overloaded", 400)
    server = Server.__new__(Server)
    server.endpoint = httpserver.url_for("/v1")
    defended = retlink(server, tmp_path, llm="m", lvm="eye", mode="contextual").defend(Reader(TOY))
    (part,) = defended.described([pictured(tmp_path, 10)], "I2T")
    assert part.fallbacks == ("extractive", "contextual_http_400", "descriptors_http_400")
    assert "Error" not in json.dumps(dict(part.query.labels or {}))
    httpserver.clear()
    well = Server(httpserver)
    (part,) = (
        retlink(well, tmp_path, llm="m", lvm="eye", mode="contextual")
        .defend(Reader(TOY))
        .described([pictured(tmp_path, 10)], "I2T")
    )
    assert part.fallbacks == ()
    (later,) = defended.described([pictured(tmp_path, 10, id="later")], "I2T")
    assert later.fallbacks == ()  # nor does the one that had failed remember it
    (absent,) = defended.described([asked()], "I2T")
    assert "descriptors_no_image" in absent.fallbacks


def test_a_refused_key_or_a_limit_ends_the_run(httpserver: HTTPServer, tmp_path: Path) -> None:
    server = Server(httpserver)
    with pytest.raises(RobustMELError, match="2 calls were made, and max_calls = 2"):
        sentences(retlink(server, tmp_path, llm="m", max_calls=2), [asked()])
    assert len(server.requests) == 2
    httpserver.clear()
    httpserver.expect_request("/v1/chat/completions").respond_with_data("no", 401)
    with pytest.raises(MissingError, match="Check the endpoint"):
        sentences(retlink(server, tmp_path, llm="m"), [asked()])


def test_the_paper_s_profile_draws_for_each_mention_and_seed(server: Server, tmp_path: Path) -> None:
    parameters = {"profile": "paper", "llm": "m", "lvm": "eye"}
    assert RetLink.capabilities(Capabilities(("I2T",), labels=True), **parameters).random
    sentences(retlink(server, tmp_path, **parameters), [pictured(tmp_path, 10, seed=7), pictured(tmp_path, 10, seed=8, id="r")])
    assert {body["temperature"] for body in server.requests} == {0.75}
    assert {body["seed"] for body in server.requests if body["model"] == "m"} == {7, 8}
    assert {body["seed"] for body in server.requests if body["model"] == "eye"} == {7, 8}
    sentences(retlink(server, tmp_path, profile="robust", llm="m"), [asked()])
    assert server.requests[-1]["temperature"] == 0
    assert not RetLink.capabilities(Capabilities(("I2T",), labels=True, scores=True), profile="robust", llm="m").random


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"mode": "rewrite"}, "name one with llm"),
        ({"profile": "paper"}, "name one with llm"),
        ({"mode": "template", "llm": "m"}, "leave llm out"),
        ({"llm": "m", "lvm": "eye"}, "gives every image the same sentences"),
        ({"lvm": "eye", "descriptors": "clip-world"}, "leave one out"),
        ({"llm": "m", "temperature": -1.0}, "temperature is out of its range"),
        ({"llm": "m", "max_cost": 1.0}, "max_cost needs"),
        ({"llm": "m", "prompt": 9}, "defence retlink has prompt 1"),
        ({"retriever": "index"}, "go together"),
        ({"offline": True}, "never use a network"),
        ({"min_age": 7.0}, "have no revisions"),
    ],
)
def test_what_cannot_be_is_refused(parameters: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=sentence):
        RetLink(TOY, replies=str(tmp_path / "r.sqlite"), **parameters)
