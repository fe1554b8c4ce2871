"""What LLM-RetLink asks for a full grid: six victims, each with clean images and those of six attacks made on it.

JSON lines: one a mode with the calls that a scripted endpoint got, its tokens (words and signs read and written), and processor
milliseconds a mention and image version, those of the endpoint, which answers at once, among them; last the ratios {"library": "ratio", "job": "llm calls, MODE",
...}: calls of one question a mention, candidate, victim and image version, over ours.

    python benchmarks/retlink.py [--quick] [--check]

Nothing is linked and no image is attacked: RetLink reads of both only pixels, which are drawn here, and the describer gives every version of
an image words of its own, so that no question is saved by chance. Victims are embedded dual encoders; their token limits are their own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, the folder above is not on the path

from benchmarks.measure import Lines

import robustmel as rm
from robustmel.defences.retlink.retlink import RetLink
from robustmel.types import Query

VICTIMS = ("clip-world", "siglip-world", "align-world", "owlvit-world", "flava-world", "blip-world")
ATTACKS = 6
MODES: dict[str, dict[str, Any]] = {
    "extractive": {},
    "rewrite": {"llm": "writer"},
    "select": {"llm": "writer", "lvm": "eye", "mode": "select"},
    "contextual": {"llm": "writer", "lvm": "eye", "mode": "contextual"},
}
AT_LEAST = 20
"""Times fewer calls of the language model, with "rewrite"."""


class Endpoint(BaseHTTPRequestHandler):
    """Answers at once: a describer by the digest of the pixels it is sent, a writer by the evidence."""

    protocol_version = "HTTP/1.1"
    asked: dict[str, list[int]] = {}  # noqa: RUF012  # model -> calls, tokens read, tokens written
    lock = threading.Lock()

    def do_POST(self) -> None:
        """Counts the question, and answers it."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        content = body["messages"][-1]["content"]
        if isinstance(content, list):
            digest = hashlib.sha256(content[0]["image_url"]["url"].encode()).hexdigest()
            text = json.dumps({"main": f"w{digest[:8]}", "words": [f"v{digest[8:16]}"], "ocr": []})
            read = len(re.findall(r"\w+|[^\w\s]", content[1]["text"]))
        else:
            evidence = json.loads(content)["EVIDENCE"]
            text = "1" if isinstance(evidence, dict) else evidence[0]
            read = sum(len(re.findall(r"\w+|[^\w\s]", part["content"])) for part in body["messages"])
        written = len(re.findall(r"\w+|[^\w\s]", text))
        with self.lock:
            counts = self.asked.setdefault(body["model"], [0, 0, 0])
            counts[:] = [counts[0] + 1, counts[1] + read, counts[2] + written]
        reply = {
            "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": read, "completion_tokens": written},
        }
        answer = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def endpoint() -> Iterator[str]:
    """The address of a running one."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def versions(queries: Sequence[Query], victim: int, folder: Path) -> Iterator[list[Query]]:
    """The queries with their clean images, and then with those of each attack on one victim."""
    for attack in range(ATTACKS + 1):
        shown = []
        for place, query in enumerate(queries):
            seed = (place,) if attack == 0 else (place, victim, attack)  # clean images are the same for every victim
            path = folder / f"{'-'.join(map(str, seed))}.png"
            if not path.exists():
                Image.fromarray(np.random.default_rng(seed).integers(0, 256, (24, 24, 3), dtype=np.uint8)).save(path)
            shown.append(replace(query, image=path))
        yield shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="5 mentions in place of 25")
    parser.add_argument("--check", action="store_true", help="exit 1 where a bound is broken")
    options = parser.parse_args()
    torch.set_num_threads(1)
    lines, count = Lines(threads=1), 5 if options.quick else 25
    sys.exit(measured(count, lines).end(options.check))


def measured(count: int, lines: Lines) -> Lines:
    """The lines of so many mentions."""
    data = rm.load_dataset("world-news", "test")
    queries = [mention.query(data.name, mention.candidates) for mention in data.mentions[:count]]
    victims = [rm.load_linker(name, data, device="cpu") for name in VICTIMS]
    naive = sum(len(query.listed) for query in queries) * len(victims) * (ATTACKS + 1)
    for mode, parameters in MODES.items():
        with tempfile.TemporaryDirectory() as folder, endpoint() as address:
            Endpoint.asked = {}
            began = time.process_time()
            for place, victim in enumerate(victims):
                defence = RetLink(data.kb, endpoint=address, replies=f"{folder}/replies.sqlite", **parameters)
                defended = defence.defend(victim)
                for shown in versions(queries, place, Path(folder)):
                    statuses = {way for part in defended.described(shown, "IT2T") for way in part.fallbacks}
                    assert not any("connection" in way or "timeout" in way for way in statuses), statuses
            seconds = time.process_time() - began
        tell(mode, count, len(data.kb), naive, seconds, lines)
    return lines


def tell(mode: str, mentions: int, entities: int, naive: int, seconds: float, lines: Lines) -> None:
    looked, asked = Endpoint.asked.get("eye", [0, 0, 0]), Endpoint.asked.get("writer", [0, 0, 0])
    total = mentions * len(VICTIMS) * (ATTACKS + 1)
    lines.tell(
        "robustmel", mode, mentions=mentions, entities=entities, llm_calls=asked[0], llm_calls_naive=naive, lvm_calls=looked[0], lvm_calls_naive=total,
        tokens_read=asked[1] + looked[1], tokens_written=asked[2] + looked[2], ms_a_version=round(1e3 * seconds / total, 3),
    )  # fmt: skip
    if asked[0]:
        lines.ratio(f"llm calls, {mode}", naive, asked[0])
    if mode == "rewrite":
        lines.expect(mode, f"{naive / asked[0]:.1f} times fewer calls, at least {AT_LEAST}", naive >= AT_LEAST * asked[0])


if __name__ == "__main__":
    main()
