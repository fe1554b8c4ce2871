"""Loading, looking up and finding candidates, beside plain Python and a peer.

JSON lines: one a job and library with its figures (processor seconds, medians over repetitions that take turns; peak
memory of a process of its own), and last, for each job that has a peer, {"library": "ratio", "job": ..., "value": peer's cost / ours}.

    python benchmarks/datasets.py [--melbench FOLDER] [--entities 1000000] [--quick]

FOLDER holds Wikidata-MEL.json and Richpedia-MEL.json as released; without it, those jobs are skipped with a line.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, the folder above is not on the path

from benchmarks.measure import Figure, Lines, turns, version

from robustmel.candidates.bm25 import BM25
from robustmel.datasets import DATASETS
from robustmel.kb import KnowledgeBase
from robustmel.kb.stored import StoredKnowledgeBase
from robustmel.kb.write import write_kb
from robustmel.retrieval.word_index import words
from robustmel.types import Entity

REPETITIONS = 3
ASKED = 2000


def in_turns(works: dict[str, Callable[[], Any]], repetitions: int) -> dict[str, float]:
    """Library -> median seconds."""
    return {name: Figure.of(seconds).value for name, seconds in turns(works, repetitions).items()}


def load(name: str, folder: Path, lines: Lines) -> None:
    """One load in a process of its own, for its peak memory; beside json.load of the same file."""
    file = folder / {"wikidata-mel": "Wikidata-MEL.json", "richpedia-mel": "Richpedia-MEL.json"}[name]
    plain = f"import json; json.load(open({str(file)!r}, encoding='utf-8'))"
    ours = f"from robustmel.datasets import DATASETS; DATASETS.create({name!r}, path={str(folder)!r}).load()"
    nothing = "from robustmel.datasets import DATASETS"
    tail = "; print([line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"
    peaks = {
        label: int(subprocess.run([sys.executable, "-c", code + tail], check=True, capture_output=True, text=True).stdout)
        / 1024
        for label, code in (("json", plain), ("robustmel", ours), ("imports alone", nothing))
    }
    seconds = in_turns(
        {
            "json": lambda: json.loads(file.read_text("utf-8")),
            "robustmel": lambda: DATASETS.create(name, path=str(folder)).load(),
        },
        REPETITIONS,
    )
    for label, value in seconds.items():
        lines.tell(label, f"load {name}", seconds=round(value, 4), peak_mb=round(peaks[label], 1))
    lines.tell("robustmel", f"load {name}, imports alone", peak_mb=round(peaks["imports alone"], 1))
    lines.ratio(f"load {name}", seconds["json"], seconds["robustmel"])


def named(count: int) -> Iterator[Entity]:
    for one in range(count):
        yield Entity(f"Q{one + 1}", f"Name {one} of {one % 977}", (f"alias {one}",), f"Q{one + 1}", f"thing number {one}")


def knowledge_base(count: int, folder: Path, lines: Lines) -> None:
    began = time.process_time()
    write_kb(named(count), folder / "kb")
    lines.tell("robustmel", f"write {count:,} entities", seconds=round(time.process_time() - began, 2))
    opened: dict[str, Any] = {}

    def as_dict() -> None:
        found: dict[str, list[str]] = {}
        for entity in named(count):
            found.setdefault(entity.name.casefold(), []).append(entity.id)
        opened["dict"] = found

    def stored() -> None:
        opened["robustmel"] = StoredKnowledgeBase(folder / "kb")

    seconds = in_turns({"dict": as_dict, "robustmel": stored}, REPETITIONS)
    for label, value in seconds.items():
        lines.tell(label, f"open {count:,} names", seconds=round(value, 4))
    lines.ratio(f"open {count:,} names", seconds["dict"], seconds["robustmel"])
    drawn = random.Random(0).sample(range(count), min(ASKED, count))
    asked = [f"Name {one} of {one % 977}" for one in drawn]
    seconds = in_turns(
        {
            "dict": lambda: [opened["dict"][name.casefold()] for name in asked],
            "robustmel": lambda: [opened["robustmel"].named(name) for name in asked],
        },
        REPETITIONS,
    )
    for label, value in seconds.items():
        lines.tell(label, "look up a name", microseconds=round(1e6 * value / len(asked), 2))
    lines.ratio("look up a name", seconds["dict"], seconds["robustmel"])


def candidates(folder: Path, count: int | None, sample: int, lines: Lines) -> None:
    """BM25 for every mention; the peer, which is slow, for a sample, and both for the sample in turns."""
    dataset = DATASETS.create("wikidata-mel", path=str(folder)).load()
    mentions = dataset.mentions[:count]
    generator = BM25(k=10)
    began = time.process_time()
    generator.candidates(mentions, dataset.kb, ())
    whole = time.process_time() - began
    job = f"bm25 for {len(mentions):,} mentions among {len(dataset.kb):,} entities"
    lines.tell("robustmel", job, seconds=round(whole, 2), a_second=round(len(mentions) / whole, 1))
    try:
        from rank_bm25 import BM25Okapi
    except ImportError:
        lines.tell("rank_bm25", job, skipped="not installed")
        return
    some = mentions[:sample]
    kb: KnowledgeBase = dataset.kb

    def peer() -> None:
        entries = [words(" ".join((entity.name, *entity.aliases, entity.description))) for entity in kb]
        index = BM25Okapi(entries)
        for mention in some:
            index.get_scores(words(mention.surface)).argsort()[-10:]

    job = f"bm25 for {sample:,} mentions, index included"
    seconds = in_turns({"rank_bm25": peer, "robustmel": lambda: generator.candidates(some, kb, ())}, 1)
    for label, value in seconds.items():
        lines.tell(label, job, seconds=round(value, 3))
    lines.ratio(job, seconds["rank_bm25"], seconds["robustmel"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--melbench", type=Path, help="folder with the released files")
    parser.add_argument("--entities", type=int, default=1_000_000)
    parser.add_argument("--quick", action="store_true", help="20,000 entities, 2,000 mentions")
    given = parser.parse_args()
    versions = {name: version(name) for name in ("pyarrow", "bm25s", "numpy")}
    lines = Lines(processors=os.cpu_count())
    lines.tell("robustmel", "versions", **versions, python=sys.version.split()[0])
    with tempfile.TemporaryDirectory() as folder:
        knowledge_base(20_000 if given.quick else given.entities, Path(folder), lines)
    if given.melbench is None:
        lines.tell("robustmel", "load and candidates", skipped="no --melbench folder given")
        lines.end()
        return
    for name in ("wikidata-mel", "richpedia-mel"):
        load(name, given.melbench, lines)
    candidates(given.melbench, 2000 if given.quick else None, 200, lines)
    lines.tell(
        "robustmel", "peak memory of this process", peak_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    )
    lines.end()


if __name__ == "__main__":
    main()
