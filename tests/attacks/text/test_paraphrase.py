"""Paraphrases by a scripted model: what must stay stays, every useless reply leaves the text alone, and nothing is asked twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from robustmel.attacks import ATTACKS
from robustmel.attacks.text.editable_text import EditableText
from robustmel.attacks.text.rewording import kept_pieces, rewording
from robustmel.attacks.text.words import protected_spans
from robustmel.cli.entry import run
from robustmel.errors import MissingError, UsageError
from robustmel.types import Query, TextEdit

TEXT, REWORDED = "The old walls of Paris, Texas, shine brightly.", "Bright is the shine of the old walls of Paris, Texas."


class Script:
    """Answers as told; keeps what it was sent."""

    def __init__(self, server: HTTPServer, folder: Path) -> None:
        self.requests: list[Any] = []
        self.reply: dict[str, Any] = {}
        self.status = 200
        self.given = {"model": "m", "endpoint": server.url_for("/v1"), "replies": str(folder / "replies.sqlite")}
        server.expect_request("/v1/chat/completions").respond_with_handler(self.answer)

    def answer(self, request: Request) -> Response:
        self.requests.append(request.get_json())
        choice = {"finish_reason": "stop"} | self.reply
        choice["message"] = choice.pop("message", {"content": choice.pop("says", None)})
        return Response(json.dumps({"choices": [choice]}), self.status)

    def edits(self, *queries: Query, **given: Any) -> list[TextEdit]:
        attack = ATTACKS.create("paraphrase", **self.given, **given)
        edits: list[TextEdit] = attack.perturb(queries, None, [None] * len(queries), range(7, 7 + len(queries)))
        return edits


@pytest.fixture
def script(httpserver: HTTPServer, tmp_path: Path) -> Script:
    return Script(httpserver, tmp_path)


def query(text: str = TEXT, surface: str = "Paris") -> Query:
    place = text.find(surface)
    return Query("q", text, surface, None if place < 0 else (place, place + len(surface)), None, ())


def replay(text: str, edit: TextEdit) -> str:
    """By slicing forwards, unlike the package."""
    parts, place = [], 0
    for change in edit.changes:
        assert text[change.start : change.end] == change.old != change.new
        parts += [text[place : change.start], change.new]
        place = change.end
    return "".join([*parts, text[place:]])


def test_the_mention_stays_and_the_record_has_its_seed(script: Script) -> None:
    script.reply = {"says": f' "{REWORDED}"\n'}
    (edit,) = script.edits(query())
    assert edit.text == replay(TEXT, edit) == REWORDED
    assert edit.span == (REWORDED.index("Paris"), REWORDED.index("Paris") + 5)
    assert edit.edits == len(edit.changes) > 1
    (request,) = script.requests
    assert (request["seed"], request["temperature"], request["model"]) == (7, 1.0, "m")
    assert '"Paris"' in request["messages"][0]["content"]
    assert request["messages"][0]["content"].endswith(f"\n\n{TEXT}")
    assert script.edits(query()) == [edit]
    assert len(script.requests) == 1
    script.edits(query(), temperature=0.0, leave_out=["max_tokens"], options={"max_completion_tokens": 9})
    assert "seed" not in script.requests[-1]
    assert "max_tokens" not in script.requests[-1]
    assert script.requests[-1]["max_completion_tokens"] == 9


@pytest.mark.parametrize(
    ("reply", "note"),
    [
        ({"says": "Bright are the old walls of the city."}, "the model changed what must stay"),
        ({"says": "Bright are the old walls of paris."}, "the model changed what must stay"),
        ({"says": "Paris has walls: the old walls of Paris."}, "the model changed what must stay"),
        ({"says": TEXT}, "the model wrote the same sentence"),
        ({"says": "Sure, here it is:\nThe walls of Paris."}, "the model wrote more lines than the text has"),
        ({"says": " "}, "the model wrote no sentence"),
        ({"says": "\ud800 Paris"}, "the model wrote no sentence"),
        ({"says": "\u0301Paris"[1:] + "\u0301 shines"}, "the model changed what must stay"),
        ({"says": "Paris is", "finish_reason": "length"}, "the model's reply was truncated"),
        ({"message": {"content": None, "refusal": "No Paris."}}, "the model's reply was refused"),
    ],
)
def test_a_useless_reply_leaves_the_text_alone_and_is_marked(script: Script, reply: dict[str, Any], note: str) -> None:
    script.reply = reply
    (edit,) = script.edits(query())
    assert (edit.text, edit.span, edit.changes, edit.edits) == (TEXT, (17, 22), (), 0)
    assert edit.note == f"nothing edited: {note}"


@pytest.mark.parametrize(("text", "surface"), [("", ""), ("Paris", "Paris"), ("Walls.", "Paris"), ("[START_ENT] Paris [END_ENT] 7", "Paris")])  # fmt: skip
def test_nobody_is_asked_about_what_cannot_change(script: Script, text: str, surface: str) -> None:
    (edit,) = script.edits(query(text, surface))
    assert edit.text == text
    assert edit.note in ("nothing edited: no word may be edited", "nothing edited: the mention is not in the text")
    assert script.requests == []


def test_markers_stay_in_their_order(script: Script) -> None:
    text = "See [START_ENT] Paris [END_ENT] today"
    script.reply = {"says": "Today, look at [START_ENT] Paris [END_ENT]"}
    (edit,) = script.edits(query(text))
    assert edit.text == replay(text, edit) == script.reply["says"]
    script.reply = {"says": "Today, see [END_ENT] Paris [START_ENT]"}
    (edit,) = script.edits(query(text + " "))
    assert edit.note == "nothing edited: the model changed what must stay"
    (edit,) = script.edits(query(text + "."), protect="none")
    assert edit.text == script.reply["says"]


def test_a_refused_text_is_marked_and_a_silent_endpoint_ends_the_run(script: Script) -> None:
    script.status = 400
    (edit,) = script.edits(query())
    assert edit.note.startswith("nothing edited: http_400")
    script.status = 503
    with pytest.raises(MissingError, match="the same command goes on"):  # exit code 3
        script.edits(query(), deadline=0.05)
    script.status = 404
    with pytest.raises(MissingError):
        script.edits(query())


@pytest.mark.parametrize("given", [{"model": " "}, {"protect": "markers"}, {"temperature": -1}, {"max_tokens": 0}, {"in_flight": 0}, {"deadline": 0}])  # fmt: skip
def test_a_wrong_value_is_told(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(given))):
        ATTACKS.create("paraphrase", **({"model": "m"} | given))


PIECES = st.lists(
    st.sampled_from(["New Delhi", "[START_ENT]", "wall", " ", "e\u0301", "\u0301", "北京", "👩‍👩‍👧", "a", ","]), max_size=9
)


@settings(max_examples=60)
@given(
    left=PIECES, right=PIECES, new=st.lists(PIECES, min_size=2, max_size=2), surface=st.sampled_from(["New Delhi", "a", "北京"])
)
def test_any_rewording_replays_and_keeps_every_piece_byte_for_byte(left: list[str], right: list[str], new: list[list[str]], surface: str) -> None:  # fmt: skip
    start = "".join(left)
    asked = Query("q", start + surface + "".join(right), surface, (len(start), len(start) + len(surface)), None, ())
    protected = protected_spans(asked, "mention") or []
    text, other = EditableText(asked, protected), surface.join(map("".join, new))
    pieces = kept_pieces(asked.text, protected)
    assert pieces is not None
    changes = rewording(text, pieces, other)
    if changes is None:
        return
    edit = text.edit(changes)
    assert replay(asked.text, edit) == edit.text == other
    assert edit.span is not None
    assert edit.text[slice(*edit.span)] == surface
    assert edit.text.count("[START_ENT]") == asked.text.count("[START_ENT]")
    clusters = {0, *(match.end() for match in regex.finditer(r"\X", edit.text))}
    assert {*edit.span} <= clusters or not {*protected[-1]} <= {0, *(m.end() for m in regex.finditer(r"\X", asked.text))}
    before = [asked.text[: asked.span[0]].count(surface), edit.text[: edit.span[0]].count(surface)] if asked.span else []
    assert before[0] == before[1] or surface == "a"


def test_the_command_poisons_by_paraphrase_and_says_which_records_stay(script: Script, tmp_path: Path) -> None:
    script.reply = {"says": REWORDED}
    rows = [{"id": str(number), "gold": "Q90", "surface": "Paris", "text": text, "split": "train"} for number, text in enumerate([TEXT, "Paris"])]  # fmt: skip
    (tmp_path / "mentions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "entities.jsonl").write_text('{"id": "Q90", "name": "Paris"}\n')
    table = ", ".join(f"{name} = {json.dumps(value)}" for name, value in ({"name": "paraphrase"} | script.given).items())
    options = ["--path", str(tmp_path), "--attack", f"{{{table}}}", "--record-rate", "1", "--out", str(tmp_path / "out")]
    assert run(["poison", "jsonl", *options, "--store", str(tmp_path / "store")]) == 0
    first, second = (json.loads(line) for line in (tmp_path / "out" / "provenance.jsonl").read_text("utf-8").splitlines())
    assert (first["attack"], first["changed"], {edit["action"] for edit in first["edits"]}) == ("paraphrase", True, {"reword"})
    assert (second["changed"], second["note"]) == (False, "nothing edited: no word may be edited")
    assert json.loads((tmp_path / "out" / "mentions.jsonl").read_text("utf-8").splitlines()[0])["text"] == REWORDED
