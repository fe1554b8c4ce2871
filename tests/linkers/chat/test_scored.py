"""Scores from endpoints that give probabilities: read as stated, attacked by Square, and paid for once."""

from __future__ import annotations

import base64
import json
import math
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.local_server import LocalServer
from PIL import Image
from pytest_httpserver import HTTPServer
from torch import Tensor
from werkzeug import Request, Response

import robustmel as rm
from robustmel.errors import MissingError, RobustMELError, UsageError
from robustmel.images import decode
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.chat.kept_replies import KeptReplies, Spent
from robustmel.linkers.chat.letter_scores import read_decision, read_log_probabilities
from robustmel.linkers.chat.scored import ChatScores
from robustmel.linkers.chat.service import Reply
from robustmel.linkers.ranking import ranking
from robustmel.linkers.trial import trial_set
from robustmel.types import Entity, Prediction, Query, Task

KB = KnowledgeBase([Entity(f"Q{number}", f"shade {number}") for number in range(100)])
QUESTION = "Which candidate best describes the main object in this image?"


def picture(folder: Path, shade: int = 100) -> Path:
    Image.fromarray(np.full((8, 8, 3), shade, np.uint8)).save(folder / f"{shade}.png")
    return folder / f"{shade}.png"


def query(folder: Path, count: int = 3, **more: Any) -> Query:
    return Query("q", "A wall.", "wall", (2, 6), picture(folder), KB.ids[:count], **more)


def answering(server: HTTPServer, folder: Path, top: dict[str, float] | None, ended: str = "length") -> ChatScores:
    """A linker before an endpoint that names these tokens, always."""
    named = [{"token": token, "logprob": value} for token, value in (top or {}).items()]
    choice = {"message": {"content": "A"}, "finish_reason": ended, "logprobs": {"content": [{"top_logprobs": named}]}}
    body = {"choices": [choice if top else choice | {"logprobs": None}], "usage": {"prompt_tokens": 50, "completion_tokens": 1}}
    server.expect_request("/v1/chat/completions").respond_with_json(body)
    return ChatScores(KB, model="m", endpoint=server.url_for("/v1"), replies=str(folder / "r.sqlite"), shuffle=False)


def test_a_letter_counts_with_and_without_blanks_and_one_that_is_not_named_scores_the_least(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    top = {"B": math.log(0.3), " B": math.log(0.2), "A": math.log(0.4), "The": math.log(0.05), "b": math.log(0.04)}
    linker = answering(httpserver, tmp_path, top)
    (answer,) = linker.link([query(tmp_path)], "I2T")
    assert answer.ranked == ("Q1", "Q0", "Q2")
    assert np.exp(answer.scores) == pytest.approx([0.5, 0.4, 0.04])
    assert (answer.status, answer.usage.tokens_read, answer.usage.tokens_written) == ("ok", 50, 1)
    assert linker.scores([query(tmp_path)], "I2T")[0].exp().tolist() == pytest.approx([0.4, 0.5, 0.04])


@pytest.mark.parametrize("reader", [read_log_probabilities, read_decision])
@pytest.mark.parametrize("score", ["NaN", "Infinity", "-Infinity"])
def test_a_score_that_orders_nothing_is_no_reply_and_what_is_kept_is_read_by_sqlite(
    tmp_path: Path, reader: Callable[[Any], Reply], score: str
) -> None:
    choice = '{"message": {"content": "A"}, "logprobs": {"content": [{"top_logprobs": [{"token": "A", "logprob": SCORE}]}]}}'
    body = f'{{"choices": [{choice}], "answers": {{"candidate": {{"choice": "A", "probabilities": {{"A": SCORE}}}}}},'
    body += '"usage": {"prompt_tokens": 7, "completion_tokens": 1, "input_tokens": 7, "output_tokens": 1}}'
    if score != "-Infinity":
        with pytest.raises(ValueError, match="a score is"):
            reader(json.loads(body.replace("SCORE", score)))
        return
    kept = KeptReplies(tmp_path / "r.sqlite")
    kept.sending("asked", None)
    kept.keep("asked", reader(json.loads(body.replace("SCORE", score))))
    assert kept.spent() == Spent(1, 7, 1)


def test_the_list_is_lettered_in_the_order_of_the_seed(httpserver: HTTPServer, tmp_path: Path) -> None:
    answering(httpserver, tmp_path, {"B": -0.1, "A": -3.0})
    linker = ChatScores(KB, model="m", endpoint=httpserver.url_for("/v1"), replies=str(tmp_path / "s.sqlite"))
    seen = set()
    for seed in range(6):
        (answer,) = linker.link([query(tmp_path, 5, seed=seed)], "IT2T")
        sent = httpserver.log[-1][0].get_json()
        text = sent["messages"][0]["content"][1]["text"]
        assert re.findall(r"^B\. (.*)$", text, re.MULTILINE) == [KB[answer.ranked[0]].name]
        assert text.startswith("Description: A wall.\nMention: wall\nA. shade")
        assert text.endswith("Answer with the letter of the candidate.")
        assert (sent["logprobs"], sent["max_tokens"]) == (True, 1)
        seen.add(answer.ranked[0])
    assert len(seen) > 1


@pytest.mark.parametrize(
    ("count", "error", "status"),
    [(0, None, "nil"), (1, None, "ok"), (26, None, "ok"), (27, "too_many", "ok"), (100, "too_many", "ok")],
)
def test_lists_of_any_length_have_their_row(
    httpserver: HTTPServer, tmp_path: Path, count: int, error: str | None, status: str
) -> None:
    (answer,) = answering(httpserver, tmp_path, {"A": -0.1, "B": -1.0}).link([query(tmp_path, count)], "I2T")
    assert (answer.error or "").startswith(error or "")
    assert (answer.error is None, answer.status) == (error is None, status)
    assert len(answer.ranked) == (0 if error else count)
    assert len(httpserver.log) == (count > 0 and error is None)


def test_what_cannot_be_asked_or_answered_says_so(httpserver: HTTPServer, tmp_path: Path) -> None:
    linker = answering(httpserver, tmp_path, {"A": -0.1, "B": -1.0})
    (tmp_path / "no.png").write_bytes(b"<html>")
    asked = [
        replace(query(tmp_path), image=None),
        replace(query(tmp_path), image=tmp_path / "no.png"),
        replace(query(tmp_path), candidates=("Q0", "nobody")),
        replace(query(tmp_path), labels={"Q0": "one\nname", "Q1": "one name"}),
    ]
    answers = linker.link(asked, "I2T")
    assert [answer.error for answer in answers] == ["no_image", "image_decode", "unknown_candidate", None]
    assert answers[3].scores[0] == answers[3].scores[1]  # two that read the same are one line of the list
    assert httpserver.log[-1][0].get_json()["messages"][0]["content"][1]["text"].startswith("A. one name\nB. shade 2\n")
    assert linker.scores([asked[0], query(tmp_path)], "I2T").isnan().tolist() == [[True] * 3, [False] * 3]
    with pytest.raises(UsageError, match="by = "):
        LINKERS.create("chat-scores", KB, model="m", by="guess")
    with pytest.raises(UsageError, match="top is out of its range"):
        ChatScores(KB, model="m", top=1)


@pytest.mark.parametrize(("ended", "status"), [("content_filter", "refused"), ("tool_calls", "tool_call")])
def test_an_endpoint_that_declines_is_counted(httpserver: HTTPServer, tmp_path: Path, ended: str, status: str) -> None:
    (answer,) = answering(httpserver, tmp_path, None, ended).link([query(tmp_path)], "I2T")
    assert (answer.status, answer.ranked, answer.error) == (status, (), None)


def test_an_endpoint_without_log_probabilities_ends_the_run(httpserver: HTTPServer, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match='gives no log-probabilities; for transformers serve set by = "decision"'):
        answering(httpserver, tmp_path, None).link([query(tmp_path)], "I2T")


class Shades:
    """Scores that depend on every pixel, here and at an endpoint."""

    def __init__(self, server: HTTPServer, replies: Path) -> None:
        self.replies, self.unwritten = replies, 0
        self.requests: list[str] = []
        server.expect_request("/v1/chat/completions").respond_with_handler(self.answer)

    @staticmethod
    def of(pixels: np.ndarray[Any, Any], letters: str) -> dict[str, float]:
        weights = np.cos(np.arange(pixels.size).reshape(pixels.shape))
        place = float((weights * pixels).sum()) / 40
        return {letter: -abs(place - index) for index, letter in enumerate(letters)}

    def answer(self, request: Request) -> Response:
        with closing(sqlite3.connect(self.replies)) as table:
            self.unwritten += table.execute("SELECT COUNT(*) FROM calls WHERE reply IS NULL").fetchone()[0] == 0
        shown, asked = request.get_json()["messages"][0]["content"]
        url = shown["image_url"]["url"]
        self.requests.append(url + asked["text"])
        path = self.replies.with_name(f"{len(self.requests)}.png")
        path.write_bytes(base64.b64decode(url.partition(",")[2]))
        letters = "".join(re.findall(r"^([A-Z])\. ", asked["text"], re.MULTILINE))
        named = [{"token": token, "logprob": value} for token, value in self.of(decode(path), letters).items()]
        choice = {"message": {"content": "A"}, "finish_reason": "stop", "logprobs": {"content": [{"top_logprobs": named}]}}
        return Response(json.dumps({"choices": [choice]}))


class InProcess:
    """The same scores without an endpoint."""

    tasks = ("I2T",)
    version = 1

    def scores(self, queries: list[Query], task: Task) -> Tensor:
        rows = [Shades.of(decode(str(query.image)), "ABC"[: len(query.listed)]) for query in queries]
        return torch.tensor([list(row.values()) for row in rows], dtype=torch.float32)

    def link(self, queries: list[Query], task: Task) -> list[Prediction]:
        return [ranking(query, row) for query, row in zip(queries, self.scores(queries, task), strict=True)]


def shades_data(folder: Path) -> rm.Dataset:
    lines = []
    for number in range(4):
        noise = np.random.default_rng(number).integers(90, 160, (9, 8, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"m{number}.png")
        gold = max((scores := Shades.of(noise, "ABC")), key=scores.__getitem__)
        line = {"id": f"m{number}", "gold": f"Q{'ABC'.index(gold)}", "surface": "wall", "image": f"m{number}.png"}
        lines.append(line | {"candidates": ["Q0", "Q1", "Q2"], "split": "test"})
    (folder / "mentions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "entities.jsonl").write_text("".join(json.dumps({"id": e.id, "name": e.name}) + "\n" for e in KB))
    return rm.load_dataset("jsonl", path=str(folder))


def test_square_takes_the_same_way_over_http_and_a_stopped_attack_goes_on_for_nothing(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    """Stopped by a limit on calls half-way, as a kill would: the resumed attack sends only what was not answered."""
    data = shades_data(tmp_path)
    shades = Shades(httpserver, tmp_path / "r.sqlite")
    square = {"queries": 12, "eps": 0.1, "task": "I2T"}

    def attacked(**limits: Any) -> Any:
        linker = ChatScores(
            data.kb, model="m", endpoint=httpserver.url_for("/v1"), replies=str(shades.replies), shuffle=False, **limits
        )
        return rm.attack(linker, data, "square", **square)

    with pytest.raises(RobustMELError, match="20 calls were made, and max_calls = 20"):
        attacked(max_calls=20)
    assert len(shades.requests) == 20
    there, here = attacked(), rm.attack(InProcess(), data, "square", **square)
    assert len(shades.requests) == len(set(shades.requests)) > 24
    assert shades.unwritten == 0, "a call was sent before it was written down"
    assert here.clean_accuracy == 1.0
    assert 0 < here.robust_accuracy < 1.0
    assert (there.clean_accuracy, there.robust_accuracy) == (here.clean_accuracy, here.robust_accuracy)
    for ours, theirs in zip(there.images, here.images, strict=True):
        assert np.array_equal(np.asarray(ours), np.asarray(theirs))
    assert [row["queries"] for row in there.rows] == [row["queries"] for row in here.rows]


def test_the_decision_endpoint_gives_the_models_own_probabilities_of_the_letters(server: LocalServer, tmp_path: Path) -> None:
    """By hand: one pass over the prompt, the logits of A, B, C ... at its end."""
    from transformers import AutoModelForImageTextToText, AutoProcessor

    kb, queries = trial_set(tmp_path)
    processor: Any = AutoProcessor.from_pretrained(server.model)
    model: Any = AutoModelForImageTextToText.from_pretrained(server.model, dtype="float32").eval()
    linker = LINKERS.create(
        "chat-scores", kb, model=server.model, endpoint=server.endpoint, by="decision", replies=str(tmp_path / "r.sqlite"), shuffle=False
    )  # fmt: skip
    for asked, row in zip(queries[:3], linker.scores(queries[:3], "I2T"), strict=True):
        letters = "ABCDEF"[: len(asked.listed)]
        listed = "\n".join(f"{letter}. {kb[entity].name}" for letter, entity in zip(letters, asked.listed, strict=True))
        last = f"Answer with the letter of the option that fits best (A to {letters[-1]}) only."
        prompt = f"USER: <image>\n\n\n{QUESTION}\n{listed}\n{last} ASSISTANT:"
        inputs = processor(text=[prompt], images=[Image.fromarray(decode(str(asked.image)))], return_tensors="pt")
        ids = [processor.tokenizer(letter, add_special_tokens=False)["input_ids"][0] for letter in letters]
        with torch.no_grad():
            expected = model(**inputs).logits[0, -1, ids].float().log_softmax(-1)
        assert torch.allclose(row[: len(letters)], expected, atol=1e-3)
    plain = ChatScores(kb, model=server.model, endpoint=server.endpoint, replies=str(tmp_path / "s.sqlite"))
    with pytest.raises(MissingError, match='set by = "decision"'):
        plain.link(queries[:1], "I2T")
