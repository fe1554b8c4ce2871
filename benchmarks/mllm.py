"""Multimodal language models: mentions a second in several ways at equal answers; a chat endpoint's requests in flight; Square by scores alone.

JSON lines, last the ratios, {"library": "ratio", "job": ..., "value": how many times as fast}.

    python benchmarks/mllm.py [--quick] [--only families|chat|square]

`families`: the embedded models score ten candidates of each mention: "library" is the library's own path, one mention and one candidate at a
time; "each candidate" a batch that reads the whole prompt again for every candidate; "one mention" reads a prompt once, one mention at a
time; "batched" reads the prompts of a batch once, which is what runs do. Processor seconds on one thread; every way must rank alike.

`chat`: the linker `chat` before a server that answers after a fixed time, and before `transformers serve` with llava-world, by requests in
flight; then the same mentions again, which must take no call. Wall-clock seconds.

`square`: an endpoint on this machine that gives log-probabilities of letters, each that of its candidate's name by llava-world; Square
attacks it through `chat-scores` (I2T, 8/255). Accuracy by the passes spent on an image, with the calls, tokens and money of all of them at
prices of 2.50 for a million tokens read and 10 written.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, the folder above is not on the path

from benchmarks.local_server import served, why_not
from benchmarks.measure import Figure, Lines, turns

import robustmel as rm
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.chat.kept_replies import KeptReplies
from robustmel.linkers.chat.linker import Chat
from robustmel.linkers.chat.scored import ChatScores
from robustmel.linkers.gemel.prompt_tokens import left_padded
from robustmel.linkers.texts import name_of
from robustmel.linkers.weights import EMBEDDED
from robustmel.report.statistics.shares import interval
from robustmel.types import Query

FAMILIES = ("llava-world", "qwen2.5-vl-world", "minigpt4-world")
BATCH = 16
LIBRARY, WHOLE, SINGLE, BATCHED = "library", "each candidate", "one mention", "batched"
PRICE_READ, PRICE_WRITTEN = 2.5, 10.0


@torch.no_grad()
def each_candidate(linker: Any, queries: Sequence[Query]) -> list[tuple[str, ...]]:
    """Rankings by batches of one mention's candidates, the prompt read anew for each of them."""
    model, rankings = linker.model, []
    for query in queries:
        vectors = model.picture_vectors([linker.picture(query, "IT2T")])[0]
        prompt = model.prompt(linker.question(query, "IT2T"), vectors[..., 0].numel())
        names = [model.answer(name_of(linker.kb, query, entity)) for entity in query.listed]
        features = [vectors] * len(names)
        ids, mask = left_padded([[*prompt, *name] for name in names])
        last = max(map(len, names)) + 1
        logits = model.lm.logits(model.embedded(ids, features), mask, last, model.positions(ids, mask, features)).log_softmax(
            -1
        )
        targets = torch.cat((ids, torch.full((len(names), 1), model.lm.end)), 1)[:, -last:]
        values = logits.gather(2, targets[..., None])[..., 0]
        sums = torch.stack([row[last - len(name) - 1 :].sum() for row, name in zip(values, names, strict=True)])
        rankings.append(linker.ranked(query, sums).ranked)
    return rankings


def families(count: int, repetitions: int, lines: Lines) -> None:
    """Every way for every family, taking turns."""
    data = rm.load_dataset("world-news", split="test")[:count]
    queries = [mention.query("", mention.candidates) for mention in data.mentions]
    for family in FAMILIES:
        batched, single = (LINKERS.create(family, data.kb, device="cpu", batch_size=size) for size in (BATCH, 1))
        rankings: dict[str, list[tuple[str, ...]]] = {}
        runs: dict[str, Any] = {
            LIBRARY: lambda linker=batched: [tuple(answer.ranked) for answer in linker.reference(queries, "IT2T")],
            WHOLE: lambda linker=batched: each_candidate(linker, queries),
            SINGLE: lambda linker=single: [tuple(answer.ranked) for answer in linker.link(queries, "IT2T")],
            BATCHED: lambda linker=batched: [tuple(answer.ranked) for answer in linker.link(queries, "IT2T")],
        }
        kept = {way: (lambda way=way, run=run, into=rankings: into.update({way: run()})) for way, run in runs.items()}
        seconds = turns(kept, repetitions)
        for way, ranked in rankings.items():
            same = sum(own[:1] == other[:1] for own, other in zip(ranked, rankings[LIBRARY], strict=True))
            lines.expect(family, f"{way}: {same} of {count} first answers are the library's", same == count)
            rate = Figure.of([count / spent for spent in seconds[way]])
            lines.tell("robustmel", f"{family}, {count} mentions of ten candidates", way=way, mentions_a_second=round(rate.value, 2), noise=round(rate.noise, 2), same_answers=same)  # fmt: skip
        for way in (LIBRARY, WHOLE, SINGLE):
            ratio = Figure.of([other / own for other, own in zip(seconds[way], seconds[BATCHED], strict=True)])
            lines.ratio(family, ratio.value, 1.0, way=BATCHED, peer=way)


@contextmanager
def endpoint(answer: Any) -> Iterator[str]:
    """A chat endpoint on this machine: `answer` makes a reply's body of a request's."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.dumps(answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def chat(count: int, lines: Lines) -> None:
    """Requests in flight against latency, and a run that goes on."""
    data = rm.load_dataset("world-news", split="test")[:count]
    queries = [mention.query("", mention.candidates) for mention in data.mentions]

    def late(_: Any) -> Any:
        time.sleep(0.2)
        return {"choices": [{"message": {"content": "1"}, "finish_reason": "stop"}]}

    with endpoint(late) as address:
        flown("a server that answers after 0.2 s", "m", address, data.kb, queries, (1, 4, 16), lines)
    if absent := why_not():
        lines.tell("robustmel", "transformers serve, llava-world", skipped=absent)
        return
    with tempfile.TemporaryDirectory() as folder, served(EMBEDDED / "llava-world", Path(folder)) as server:
        few = queries[: count // 2]
        flown("transformers serve, llava-world", server.model, server.endpoint, data.kb, few, (1, 4), lines)


def flown(
    job: str, model: str, address: str, kb: KnowledgeBase, queries: Sequence[Query], flights: Sequence[int], lines: Lines
) -> None:
    """One server."""
    first = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for flight in flights:
            replies = str(Path(folder) / f"{flight}.sqlite")
            chat = Chat(kb, model=model, endpoint=address, replies=replies, in_flight=flight)
            began = time.perf_counter()
            answers = chat.link(queries, "IT2T")
            spent = time.perf_counter() - began
            calls = KeptReplies(Path(replies)).spent().calls
            began = time.perf_counter()
            Chat(kb, model=model, endpoint=address, replies=replies, in_flight=flight).link(queries, "IT2T")
            again = time.perf_counter() - began
            after = KeptReplies(Path(replies)).spent().calls
            latency = statistics.median(answer.seconds for answer in answers)
            lines.tell("robustmel", job, in_flight=flight, mentions=len(queries), calls=calls, mentions_a_second=round(len(queries) / spent, 2), latency=round(latency, 3), resumed_seconds=round(again, 3), resumed_calls=after - calls)  # fmt: skip
            lines.expect(job, "a run that goes on calls nobody", after == calls)
            first = first or spent
            lines.ratio(job, first, spent, in_flight=flight, peer=f"{flights[0]} in flight")


def square(count: int, queries: int, lines: Lines) -> None:
    """Accuracy against passes, tokens and money."""
    data = rm.load_dataset("world-news", split="test")[:count]
    llava, turn = LINKERS.create("llava-world", data.kb, device="cpu"), Lock()
    named = {entity.name: entity.id for entity in data.kb}

    def answer(body: Any) -> Any:
        image, text = body["messages"][0]["content"]
        listed = re.findall(r"^([A-Z])\. (.*)$", text["text"], re.MULTILINE)
        with turn, tempfile.NamedTemporaryFile(suffix=".png") as file:
            file.write(base64.b64decode(image["image_url"]["url"].partition(",")[2]))
            file.flush()
            query = Query("", "", "", None, Path(file.name), tuple(named[name] for _, name in listed))
            scores = llava.scores([query], "I2T")[0].log_softmax(0).tolist()
            read = len(llava.model.prompt(text["text"], 37))
        top = [{"token": letter, "logprob": score} for (letter, _), score in zip(listed, scores, strict=True)]
        choice = {"message": {"content": "A"}, "finish_reason": "length", "logprobs": {"content": [{"top_logprobs": top}]}}
        return {"choices": [choice], "usage": {"prompt_tokens": read, "completion_tokens": 1}}

    with tempfile.TemporaryDirectory() as folder, endpoint(answer) as address:
        linker = ChatScores(data.kb, model="llava-world", endpoint=address, replies=f"{folder}/replies.sqlite")
        made = rm.attack(linker, data, "square", queries=queries, eps=8 / 255, view="image")
        spent = KeptReplies(Path(folder) / "replies.sqlite").spent()
    right = [row["clean_answer"] == row["gold"] for row in made.rows]
    needed = [row["queries"] if row["broken"] else None for row in made.rows]
    entities = {entity: place for place, entity in enumerate(sorted({str(mention.gold) for mention in data.mentions}))}
    clusters = np.array([entities[str(mention.gold)] for mention in data.mentions])

    def accuracy(credit: Sequence[float]) -> dict[str, Any]:
        bounds = interval(np.array([credit]), clusters)
        return {"accuracy": round(sum(credit) / count, 3), "interval": bounds and [round(bound, 3) for bound in bounds]}

    lines.tell("robustmel", "square, score-only", passes=0, mentions=count, **accuracy([float(hit) for hit in right]))
    a_call = (spent.tokens_read / spent.calls, spent.tokens_written / spent.calls)
    for passes in [limit for limit in (1, 10, 25, 50, 100, 200, 400) if limit <= queries]:
        kept = [float(hit and (cost is None or cost > passes)) for hit, cost in zip(right, needed, strict=True)]
        calls = sum(min(row["queries"] or 0, passes) for row in made.rows)
        money = calls * (a_call[0] * PRICE_READ + a_call[1] * PRICE_WRITTEN) / 1e6
        lines.tell("robustmel", "square, score-only", passes=passes, **accuracy(kept), calls=calls, tokens_read=round(calls * a_call[0]), money=round(money, 4))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few mentions, one repetition")
    parser.add_argument("--only", choices=("families", "chat", "square"), help="one part alone")
    parser.add_argument("--check", action="store_true", help="exit 1 where answers differ or a call is repeated")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    lines = Lines(threads=1)
    if asked.only in (None, "families"):
        families(*((6, 1) if asked.quick else (32, 3)), lines)
    if asked.only in (None, "chat"):
        chat(8 if asked.quick else 48, lines)
    if asked.only in (None, "square"):
        square(*((4, 10) if asked.quick else (30, 100)), lines)
    sys.exit(lines.end(asked.check))


if __name__ == "__main__":
    main()
