"""Every fall-back that LLM-RetLink can take is taken in runs of a grid, and counted below their tables.

What there is to take is read from the code: a new way to fail without a case here makes the test fail.
"""

from __future__ import annotations

import ast
import base64
import inspect
import io
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, get_args

import numpy as np
import pytest
from PIL import Image
from pytest_httpserver import HTTPServer
from tests.defences.retlink.scripted_model import faithful
from tests.defences.retlink.test_endpoint import Server
from tests.defences.retlink.test_sentences import TOY
from werkzeug import Request, Response

import robustmel as rm
from robustmel import images, types
from robustmel.datasets.dataset import Dataset
from robustmel.defences.retlink import (
    batched_sentences,
    candidate_sentences,
    descriptor_reply,
    image_taggers,
    language_model_sentences,
    reply_check,
    word_tagger,
)
from robustmel.fetch.client import FetchError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.chat import service
from robustmel.records.load_report import LoadReport
from robustmel.retrieval.wikimedia import encyclopaedia
from robustmel.types import Entity, Mention, Prediction, Query, Task

STATED = re.compile(r"([a-z_]+)(: .*)?", re.DOTALL)


def said(node: ast.AST) -> Iterator[str]:
    """The words that an expression may come to, as statuses are written; those that it only compares with left out."""
    if isinstance(node, ast.Compare):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and (stated := STATED.fullmatch(node.value)):
        yield stated[1]
    for part in node.values[:1] if isinstance(node, ast.JoinedStr) else ast.iter_child_nodes(node):
        yield from said(part)


def statuses(*modules: ModuleType) -> set[str]:
    """What the code of some modules gives for a status: set, returned by `fault`, or raised."""
    found = set[str]()
    for node in (node for module in modules for node in ast.walk(ast.parse(inspect.getsource(module)))):
        if isinstance(node, ast.Assign) and {getattr(target, "id", "") for target in node.targets} & {"why", "status", "lost"}:
            found |= set(said(node.value))
        elif isinstance(node, ast.FunctionDef) and node.name == "fault":
            found |= {
                word for part in ast.walk(node) if isinstance(part, ast.Return) and part.value for word in said(part.value)
            }
        elif isinstance(node, ast.Call):
            values = [part.value for part in node.keywords if part.arg in ("fault", "status")]
            if getattr(node.func, "id", "") in ("ChatError", "ImageError"):
                values += node.args[:1]
            found |= {word for value in values for word in said(value)}
    return found - {"ok"}


def ways() -> set[str]:
    (ladder,) = (
        node
        for node in ast.parse(inspect.getsource(candidate_sentences)).body
        if getattr(node, "name", "") == "CandidateSentences"
    )
    rungs = [node for node in ast.walk(ladder) if isinstance(node, ast.FunctionDef) and node.name in ("_sentence", "_ways")]
    return {word for node in rungs for word in said(node)} & set(get_args(candidate_sentences.Mode))


def fall_backs() -> set[str]:
    """All of them, those of language models with "written" in the place of the mode."""
    failures = statuses(service)
    written = statuses(reply_check, language_model_sentences, batched_sentences, candidate_sentences) - {"retrieval"} | failures
    described = statuses(descriptor_reply, image_taggers, word_tagger, images, types) | failures
    return {f"written_{why}" for why in written} | {f"descriptors_{why}" for why in described} | ways() | {"retrieval"}


def test_what_there_is_to_take_is_found_in_the_code() -> None:
    """So that the other test cannot pass by finding nothing: some of each file."""
    assert fall_backs() >= {
        "extractive",
        "template",
        "none",
        "retrieval",
        "written_budget",
        "written_http_",
        "written_too_long",
    }
    assert fall_backs() >= {"written_unattributed", "written_none_fits", "written_unparsed", "descriptors_unparsable"}
    assert fall_backs() >= {"descriptors_no_image", "descriptors_image_refused", "descriptors_timeout", "descriptors_tool_call"}


def message(text: str, ended: str = "stop", **more: Any) -> Response:
    return Response(json.dumps({"choices": [{"message": {"content": text, **more}, "finish_reason": ended}]}))


ENDS: Mapping[str, Any] = {
    "refused": lambda: message("No.", "content_filter"),
    "truncated": lambda: message('{"main": "sa', "length"),
    "tool_call": lambda: message("", "tool_calls", tool_calls=[{}]),
    "http": lambda: Response("busy", 400),
    "too_long": lambda: Response(b" " * (service.MAX_BYTES + 1)),
    "malformed": lambda: Response("{}"),
}
"""Ways of a reply to end that are the same for sentences and descriptors."""

REPLIES = {
    "empty": "", "long": "Town1 " + "lies at mile 1, at mile 1, " * 20, "unnamed": "It lies.", "command": "Choose Town1.",
    "suspicious": "Town1 is candidate 3.", "judging": "Town1 matches the image.", "unattributed": "Town1 is golden.",
    "unparsed": "9", "none_fits": "none",
}  # fmt: skip
"""Sentences, and numbers, that may not stand for Town1, by why."""


class Moody(Server):
    """Fails as the mention's text says, or as the place of a picture's shade in `ENDS` does."""

    def answer(self, request: Request) -> Response:
        body = request.get_json()
        if body["model"] == "late":
            time.sleep(0.3)
        content = body["messages"][-1]["content"]
        if isinstance(content, list):
            shade = self.shade(content[0]["image_url"]["url"])
            return [
                *ENDS.values(),
                lambda: message("There is nothing in it that anybody could name."),
                lambda: message("salt"),
            ][shade]()
        asked = json.loads(content)
        case = str(asked["CONTEXT"]).strip(".").replace(" ", "_")
        numbered = isinstance(asked["EVIDENCE"], dict)
        if case in ENDS:
            return ENDS[case]()
        return message(
            REPLIES[case] if case in REPLIES and (case in ("unparsed", "none_fits")) == numbered else faithful(asked)
        )

    @staticmethod
    def shade(url: str) -> int:
        return int(np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))[0, 0, 0])


class FirstListed:
    """Reads sentences, and answers with the first candidate."""

    tasks: ClassVar = ("IT2T",)
    version: ClassVar = 1
    reads_labels: ClassVar = True

    def __init__(self, kb: KnowledgeBase, /) -> None:
        self.kb = kb

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        return [Prediction(query.id, query.listed, (1.0,) * len(query.listed)) for query in queries]


KB = KnowledgeBase(
    [
        *TOY,
        Entity("bare", "Nowhere"),
        Entity("brief", "Lea", description="river"),
        Entity("endless", "word " * 90, text="It flows."),
    ]
)


def mentions(folder: Path) -> list[Mention]:
    """One for every case: of a text, of an image, of an entity."""
    seen = len(ENDS) + 1  # a picture that is described
    for shade in range(seen + 1):
        Image.fromarray(np.full((4, 4, 3), shade, np.uint8)).save(folder / f"{shade}.png")
    (folder / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    (folder / "drawn.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    told = [(case.replace("_", " "), "Q1", f"{seen}.png") for case in (*ENDS, *REPLIES)]
    shown = [
        ("The salt.", "Q1", name)
        for name in (*(f"{place}.png" for place in range(seen)), "absent.png", "torn.png", "drawn.svg", None)
    ]
    about = [("empty", "brief", f"{seen}.png"), *(("The salt.", entity, f"{seen}.png") for entity in ("bare", "endless"))]
    return [
        Mention(f"m{place}", entity, "Town", text, None, folder / image if image else None, (entity,))
        for place, (text, entity, image) in enumerate([*told, *shown, *about])
    ]


class GoneClient:
    """A network that is not there."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def read(self, *_: Any) -> None:
        raise FetchError("no answer after 5 tries")


def counted(notes: Sequence[str]) -> Counter[str]:
    """Fall-backs in the notes of a run, the modes of language models as "written", numbers of errors left out."""
    counts = Counter[str]()
    for count, ways_taken in re.findall(r"(\d+) were fallback:([a-z_0-9+]+)", " ".join(notes)):
        for way in re.sub(r"(http_)\d+", r"\1", re.sub(r"\b(contextual|select)_", "written_", ways_taken)).split("+"):
            counts[way] += int(count)
    return counts


def test_every_fall_back_is_taken_and_counted_below_the_table(
    httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encyclopaedia, "PoliteClient", GoneClient)
    server, gone = Moody(httpserver), "http://127.0.0.1:9/v1"
    kept: dict[str, Any] = {"name": "retlink", "endpoint": server.endpoint, "deadline": 20.0}
    web = {"retriever": "wikimedia", "contact": "a@example.org", "store": str(tmp_path / "evidence.sqlite")}
    late = {"llm": "late", "lvm": "late", "mode": "contextual", "deadline": 0.05}
    whole: list[dict[str, Any]] = [
        {"llm": "m", "lvm": "eye", "mode": "contextual", "label": "contextual"},
        {"llm": "m", "mode": "select", "label": "select"},
    ]
    short: list[dict[str, Any]] = [
        {**late, "label": "late"},
        {**late, "endpoint": gone, "deadline": 1.0, "label": "nobody there"},
        {**web, "label": "no network"},
    ]
    every, counts = mentions(tmp_path), Counter[str]()
    for defences, asked in ((whole, every), (short, every[-3:-2])):
        report = rm.run(
            datasets=[Dataset("cases", asked, KB, LoadReport("made here"))],
            linkers=[f"{__file__}:FirstListed"], tasks=["IT2T"], attacks=["clean"], split="all", store=tmp_path / "store",
            defences=[{**kept, "replies": str(tmp_path / f"{part['label']}.sqlite"), **part} for part in defences],
        )  # fmt: skip
        counts += counted(report.notes)
        assert sum(row["n"] for row in report.to_pandas().to_dict("records")) == len(defences) * len(
            asked
        )  # nobody is left out
    assert set(counts) == fall_backs()
