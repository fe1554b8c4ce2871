"""The trie of a knowledge base's names, beside a nested dict of the same token sequences.

JSON lines: one a job and library with its figures (processor seconds, medians over repetitions that take turns; memory as
tracemalloc counts it), and last, for each job that has a peer, {"library": "ratio", "job": ..., "value": peer's cost / ours}.

    python benchmarks/trie.py [--quick] [--check]

Names are real ones and recombinations of their parts where ../shared/bench/mel_data.py lies beside the checkout, else they are
drawn from syllables. Tokens are those of a byte-level BPE trained on the first of them; making them is not timed.
"""

from __future__ import annotations

import argparse
import functools
import gc
import importlib.util
import pickle
import random
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, the folder above is not on the path

from benchmarks.measure import Figure, Lines, turns

from robustmel.kb.name_trie import NameTrie

MEL_DATA = Path(__file__).resolve().parents[2] / "shared" / "bench" / "mel_data.py"
VOCABULARY, LEARNT_FROM = 16_384, 33_000
REPETITIONS, BEAMS, WALKS = 3, 40, 500
END = -1
"""Key of a nested dict under which the name that ends there stands."""


def drawn_names(count: int) -> list[str]:
    """Two or three words of one to four syllables each, one in five with a qualifier; some occur twice."""
    draw = random.Random(0)
    syllables = [start + end for start in "bdfgklmnprstv" for end in ("a", "e", "i", "o", "u", "an", "er", "in", "on")]
    words = ["".join(draw.choices(syllables, k=draw.randint(1, 4))).capitalize() for _ in range(20_000)]
    qualifiers = ("", "", "", "", *(f" ({word.lower()})" for word in words[:20]))
    return [" ".join(draw.choices(words, k=draw.randint(2, 3))) + draw.choice(qualifiers) for _ in range(count)]


def named(count: int) -> tuple[str, list[str]]:
    """Where names come from, and so many of them."""
    return ("mel_data", mel_data().names(count)) if MEL_DATA.exists() else ("syllables", drawn_names(count))


def mel_data() -> Any:
    """The module that reads real names and records."""
    spec = importlib.util.spec_from_file_location("mel_data", MEL_DATA)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def trained_tokenizer(names: Sequence[str], vocabulary: int = VOCABULARY) -> Any:
    """A byte-level BPE; no token of it reaches over a space."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(names[:LEARNT_FROM], trainer)
    return tokenizer


def token_sequences(tokenizer: Any, names: Sequence[str]) -> Iterator[list[int]]:
    """The ids of each name, every word encoded once."""

    @functools.cache
    def word_ids(word: str) -> list[int]:
        ids: list[int] = tokenizer.encode(word).ids
        return ids

    for name in names:
        first, *others = name.split(" ")
        yield [token for word in (first, *(f" {other}" for other in others)) for token in word_ids(word)]


def read_sequences(file: Path, count: int | None = None) -> Iterator[list[int]]:
    """The token ids of one name a line."""
    with file.open() as lines:
        for place, line in enumerate(lines):
            if place == count:
                return
            yield [int(token) for token in line.split()]


def nested_dict(sequences: Sequence[Sequence[int]]) -> dict[int, Any]:
    """The peer: one dict a state, and at the end the index of the (last) name."""
    root: dict[int, Any] = {}
    for index, sequence in enumerate(sequences):
        node = root
        for token in sequence:
            child = node.get(token)
            if child is None:
                child = node[token] = {}
            node = child
        node[END] = index
    return root


def without_collector(build: Callable[[], Any]) -> Any:
    """What is built while Python looks for no garbage."""
    gc.disable()
    try:
        return build()
    finally:
        gc.enable()


def held(build: Callable[[], Any]) -> float:
    """MB that what is built holds."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    built = build()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del built
    return (after - before) / 1e6


def building(sequences: list[list[int]], lines: Lines) -> None:
    job = f"build {len(sequences):,} names"
    builds = {"dict": lambda: nested_dict(sequences), "robustmel": lambda: NameTrie.build(sequences)}
    timed = builds | {"dict, garbage collector off": lambda: without_collector(builds["dict"])}
    seconds = {library: Figure.of(values).value for library, values in turns(timed, REPETITIONS).items()}
    for library, value in seconds.items():
        lines.tell(library, job, seconds=round(value, 3))
    lines.ratio(job, seconds["dict, garbage collector off"], seconds["robustmel"], peer="dict, garbage collector off")
    lines.ratio(job, seconds["dict"], seconds["robustmel"], peer="dict")
    lines.expect(
        job,
        f"{seconds['dict'] / seconds['robustmel']:.1f} times faster, at least 5",
        seconds["dict"] > 5 * seconds["robustmel"],
    )
    megabytes = {library: held(build) for library, build in builds.items()}
    job = f"hold {len(sequences):,} names"
    for library, value in megabytes.items():
        lines.tell(library, job, mb=round(value, 1))
    lines.ratio(job, megabytes["dict"], megabytes["robustmel"], peer="dict")
    lines.expect(
        job,
        f"{megabytes['dict'] / megabytes['robustmel']:.1f} times less, at least 20",
        megabytes["dict"] > 20 * megabytes["robustmel"],
    )


def loading(sequences: list[list[int]], folder: Path, lines: Lines) -> None:
    """From disk, beside the pickle in which such dicts circulate; wall-clock, files in the system's cache."""
    NameTrie.build(sequences, folder / "trie")
    (folder / "dict.pickle").write_bytes(pickle.dumps(nested_dict(sequences)))
    loads: dict[str, Callable[[], Any]] = {
        "dict, pickled": lambda: pickle.loads((folder / "dict.pickle").read_bytes()),  # noqa: S301
        "robustmel": lambda: NameTrie.load(folder / "trie"),
        "robustmel, not verified": lambda: NameTrie.load(folder / "trie", verify=False),
    }
    job = f"load {len(sequences):,} names"
    seconds = {}
    for library, load in loads.items():
        values = []
        for _ in range(1 if "dict" in library else 5):
            began = time.perf_counter()
            loaded = load()
            values.append(time.perf_counter() - began)
            del loaded
        seconds[library] = Figure.of(values).value
        lines.tell(library, job, milliseconds=round(1000 * seconds[library], 2))
    for library in ("robustmel", "robustmel, not verified"):
        lines.ratio(job, seconds["dict, pickled"], seconds[library], peer="dict, pickled", to=library)
    lines.expect(job, f"{seconds['robustmel']:.3f} s, below 0.1", seconds["robustmel"] < 0.1)


def stepping(sequences: list[list[int]], lines: Lines) -> None:
    """`BEAMS` beams that spell names of the trie, from the root to the longest name's end; the shorter ones are dead by then."""
    trie, root = NameTrie.build(sequences), nested_dict(sequences)
    draw = random.Random(0)
    walks = []
    for _ in range(WALKS):
        names = [draw.choice(sequences) for _ in range(BEAMS)]
        walks.append(np.array([[*name, *[0] * (max(map(len, names)) - len(name))] for name in names]).T.copy())
    steps = sum(len(walk) for walk in walks)

    def ours() -> None:
        for walk in walks:
            states = np.zeros(BEAMS, np.int64)
            for tokens in walk:
                states = trie.step(states, tokens)

    def theirs() -> None:
        for walk in as_lists:
            nodes: list[Any] = [root] * BEAMS
            for tokens in walk:
                nodes = [None if node is None else node.get(token) for node, token in zip(nodes, tokens, strict=True)]

    def prefixes() -> None:
        """As a prefix callback is asked: each beam from the root, then all that may follow."""
        for walk in as_lists[: WALKS // 10]:
            for depth in range(len(walk)):
                for beam in range(BEAMS):
                    node = root
                    for tokens in walk[:depth]:
                        node = node.get(tokens[beam], {})
                    list(node)

    def children() -> None:
        for walk in walks[: WALKS // 10]:
            states = np.zeros(BEAMS, np.int64)
            for tokens in walk:
                trie.children(states)
                states = trie.step(states, tokens)

    as_lists = [walk.tolist() for walk in walks]
    tenth = sum(len(walk) for walk in walks[: WALKS // 10])
    jobs = {
        f"step of {BEAMS} beams": ({"dict, a node a beam": theirs, "robustmel": ours}, steps),
        f"what may follow {BEAMS} beams": ({"dict, from the root": prefixes, "robustmel": children}, tenth),
    }
    for job, (runs, count) in jobs.items():
        peer = next(iter(runs))
        microseconds = {
            library: 1e6 * Figure.of(values).value / count / BEAMS for library, values in turns(runs, REPETITIONS).items()
        }
        for library, value in microseconds.items():
            lines.tell(library, job, microseconds_a_beam=round(value, 3))
        lines.ratio(job, microseconds[peer], microseconds["robustmel"], peer=peer)
        if job.startswith("step"):
            lines.expect(job, f"{microseconds['robustmel']:.2f} us a beam, below 1", microseconds["robustmel"] < 1)


def streaming(file: Path, count: int, folder: Path, lines: Lines) -> None:
    """A build in a process of its own, from a file to a folder."""
    code = (
        "import sys; from pathlib import Path; from benchmarks.trie import NameTrie, read_sequences\n"
        "NameTrie.build(read_sequences(Path(sys.argv[1])), Path(sys.argv[2]))\n"
        "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"
    )
    began = time.perf_counter()
    command = [sys.executable, "-c", code, str(file), str(folder / "streamed")]
    ended = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).resolve().parents[1])
    seconds, peak = time.perf_counter() - began, int(ended.stdout) * 1024 / 1e6
    job = f"build {count:,} names from a file"
    size = sum(part.stat().st_size for part in (folder / "streamed").iterdir()) / 1e6
    lines.tell("robustmel", job, seconds=round(seconds, 1), peak_mb=round(peak, 1), disk_mb=round(size, 1))
    lines.expect(job, f"peak of {peak:.0f} MB, below 1000", peak < 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100,000 names, 300,000 streamed")
    parser.add_argument("--check", action="store_true", help="exit 1 where a bound is broken")
    asked = parser.parse_args()
    few, many = (100_000, 300_000) if asked.quick else (1_000_000, 6_000_000)
    lines = Lines(threads=1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source, names = named(many)
        tokens = 0
        with (folder / "sequences").open("w") as file:
            for sequence in token_sequences(trained_tokenizer(names), names):
                tokens += len(sequence)
                file.write(" ".join(map(str, sequence)) + "\n")
        tokenizer = f"byte-level BPE of {VOCABULARY:,} tokens, trained on the first {LEARNT_FROM:,} names"
        lines.tell(
            "robustmel", "sequences", names=many, source=source, tokenizer=tokenizer, tokens_a_name=round(tokens / many, 2)
        )
        del names
        streaming(folder / "sequences", many, folder, lines)
        sequences = list(read_sequences(folder / "sequences", few))
        building(sequences, lines)
        loading(sequences, folder, lines)
        stepping(sequences, lines)
    sys.exit(lines.end(asked.check))


if __name__ == "__main__":
    main()
