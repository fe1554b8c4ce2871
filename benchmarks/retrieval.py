"""An index of 400,000 entities' texts on disk, built and asked, beside bm25s, which holds its own in memory.

JSON lines: one a job and library with its figures, and last, for each job, {"library": "ratio", "job": ..., "value": peer's cost / ours}.

    python benchmarks/retrieval.py [--entities 400000] [--quick]

Names are real where ../shared/bench/mel_data.py lies beside the checkout, else drawn; each entity has one sentence of words that recur
as they do in texts. "build" is the processor seconds from texts to an index, once; "any word" the milliseconds a query of a name and
three words, the ten best by BM25, both sides; "same best" is the share of queries whose best text both find, whose variants of BM25 differ;
"name and word" is what evidence asks: a name as a phrase and a word, both in the text, which bm25s has no such query for and is shown alone.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, the folder above is not on the path

from benchmarks.measure import Figure, Lines, turns
from benchmarks.trie import named

from robustmel.retrieval.nearest import top
from robustmel.retrieval.text_index import FILE, TextIndex, build_text_index
from robustmel.retrieval.word_index import WordIndex
from robustmel.types import Entity

BEST, QUERIES, REPETITIONS = 10, 50, 3


def entities(count: int) -> list[Entity]:
    """Names, each with a sentence of eight words or so; the same every time."""
    draw = random.Random(0)
    vocabulary = [f"w{number}" for number in range(50_000)]
    likely = np.cumsum([1 / (rank + 10) for rank in range(len(vocabulary))]).tolist()
    _, names = named(count)
    sentences = (" ".join(draw.choices(vocabulary, cum_weights=likely, k=draw.randint(5, 12))) for _ in names)
    return [Entity(f"e{place}", name, text=text) for place, (name, text) in enumerate(zip(names, sentences, strict=True))]


def spent(run: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds, and what came of them."""
    began = time.process_time()
    made = run()
    return time.process_time() - began, made


def main(count: int, asked: int) -> int:
    lines = Lines(entities=count)
    known = entities(count)
    meant = random.Random(1).sample(known, asked)
    texts = [f"{entity.name} {' '.join(entity.text.split()[:3])}" for entity in meant]
    with tempfile.TemporaryDirectory() as folder:
        ours, _ = spent(lambda: build_text_index(known, Path(folder) / "index"))
        megabytes = (Path(folder) / "index" / FILE).stat().st_size / 2**20
        lines.tell("robustmel", "build", seconds=round(ours, 2), megabytes=round(megabytes, 1))
        theirs, peer = spent(lambda: WordIndex([f"{entity.name} {entity.text}" for entity in known]))
        lines.tell("bm25s", "build", seconds=round(theirs, 2))
        lines.ratio("build", theirs, ours)
        index = TextIndex(Path(folder) / "index")

        def best_of_ours() -> list[list[str]]:
            return [index.best(text, BEST) for text in texts]

        def best_of_peer() -> list[list[str]]:
            return [[known[place].id for place in top(peer.scores(text), BEST)] for text in texts]

        same = sum(a[0] == b[0] for a, b in zip(best_of_ours(), best_of_peer(), strict=True)) / asked
        runs: dict[str, Callable[[], Any]] = {"robustmel": best_of_ours, "bm25s": best_of_peer}
        runs["evidence"] = lambda: [index.search(entity, entity.text.split()[:1]) for entity in meant]
        seconds = turns(runs, REPETITIONS)
        for library, job in (("robustmel", "any word"), ("bm25s", "any word"), ("evidence", "name and word")):
            figure = Figure.of([1000 * value / asked for value in seconds[library]])
            name = "robustmel" if library == "evidence" else library
            more = {"same best": same} if library == "robustmel" else {}
            lines.tell(name, job, milliseconds=round(figure.value, 3), noise=round(figure.noise, 3), queries=asked, **more)
        lines.ratio("any word", Figure.of(seconds["bm25s"]).value, Figure.of(seconds["robustmel"]).value)
    return lines.end()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entities", type=int, default=400_000)
    parser.add_argument("--quick", action="store_true", help="4,000 entities")
    options = parser.parse_args()
    sys.exit(main(4_000 if options.quick else options.entities, QUERIES))
