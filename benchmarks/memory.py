"""Peak memory of `run`, `report` and `view` by number of mentions: each command in a process of its own, on two data sets of one kind.

Usage: python benchmarks/memory.py [--quick] [--check] [--mentions 5000 20000] [--linker clip-world]

Eight cells: a linker, two tasks, clean images and three cheap attacks. A mention has a sentence of about a hundred letters, a picture
of its own and ten candidates. The linker is one without a model, so that what grows is the package's, unless another is named.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from benchmarks.measure import Lines

from robustmel.images import write_png

BOUND = 1.0
"""MB per 1,000 mentions, of every command."""

ENTITIES, CANDIDATES, SIDE = 500, 10, 24

GRID = """
datasets = [{{name = "jsonl", path = "{folder}"}}]
linkers = ["{linker}"]
tasks = ["I2T", "IT2T"]
attacks = ["clean", {{name = "noise", eps = "2/255", label = "noise-2"}}, {{name = "noise", eps = "8/255", label = "noise-8"}},
           {{name = "noise", eps = "16/255", label = "noise-16"}}]
split = "all"
"""

LINKER = """
from robustmel.types import Prediction

class Listed:
    version = 1
    tasks = ("I2T", "IT2T")

    def __init__(self, kb, /):
        pass

    def link(self, queries, task):
        return [Prediction(query.id, query.candidates, tuple(-n / 7 for n in range(len(query.candidates)))) for query in queries]
"""
"""Ranks candidates as they are listed."""

WEIGHED = """
import atexit, sys
from pathlib import Path
atexit.register(lambda: print("peak", Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0], file=sys.stderr))
sys.argv[0] = "robustmel"
from robustmel.cli.entry import main
main()
"""
"""A command that says at its end how many KiB it held at most: what the system says of a child begins with its parent's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer mentions")
    parser.add_argument("--check", action="store_true", help="exit 1 where the bound is broken")
    parser.add_argument("--mentions", nargs=2, type=int, default=(1000, 5000), help="of the two data sets")
    parser.add_argument("--linker", default="", help="name of a linker, in place of the one without a model")
    asked = parser.parse_args()
    lines, sizes = Lines(threads=1), (500, 1500) if asked.quick else tuple(asked.mentions)
    peaks: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as parent:
        for count in sizes:
            folder = Path(parent) / str(count)
            write_data(folder, count, asked.linker)
            place = ["--store", str(folder / "store")]
            run = ["run", str(folder / "grid.toml"), "--out", str(folder / "out"), *place, "--workers", "1"]
            read = [str(folder / "out"), *place]
            for job, command in (
                ("first run", run),
                ("reused run", run),
                ("report", ["report", *read]),
                ("view", ["view", *read, "--no-browser"]),
            ):
                peaks.setdefault(job, []).append(peak(command))
                lines.tell("robustmel", job, mentions=count, peak_mb=round(peaks[job][-1], 2))
    for job, (few, many) in peaks.items():
        slope = 1000 * (many - few) / (sizes[1] - sizes[0])
        lines.tell("robustmel", job, mentions=f"{sizes[0]} to {sizes[1]}", mb_per_1000_mentions=round(slope, 2))
        lines.expect(job, f"{slope:.2f} MB per 1,000 mentions, at most {BOUND}", slope <= BOUND)
    sys.exit(lines.end(asked.check))


def peak(command: list[str]) -> float:
    """MB that a command held at most."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", WEIGHED, *command], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
    return int(done.stderr.rpartition("peak ")[2]) * 1024 / 1e6


def write_data(folder: Path, count: int, linker: str = "") -> None:
    """A data set in the project's own format, and the grid that reads it."""
    folder.mkdir()
    draw = random.Random(0)
    words = [f"{draw.choice('bdfglmnprst')}{draw.choice('aeiou')}{draw.choice('lmnrst')}{number:02}" for number in range(60)]
    with (folder / "entities.jsonl").open("w", encoding="utf-8") as file:
        for number in range(ENTITIES):
            file.write(json.dumps({"id": f"Q{number + 1000}", "name": f"{draw.choice(words)} {number}"}) + "\n")
    with (folder / "mentions.jsonl").open("w", encoding="utf-8") as file:
        for number in range(count):
            picture = np.full((SIDE, SIDE, 3), number % 200, np.uint8)
            picture[0, 0] = (number % 256, number // 256 % 256, number // 65536)
            write_png(folder / f"{number}.png", picture)
            among = draw.sample(range(1000, 1000 + ENTITIES), CANDIDATES)
            surface = f"{draw.choice(words)} {number}"
            mention = {"id": f"m{number}", "gold": f"Q{among[0]}", "surface": surface, "image": f"{number}.png"}
            mention["text"] = f"{surface} {' '.join(draw.choices(words, k=15))}"
            file.write(json.dumps(mention | {"candidates": [f"Q{entity}" for entity in sorted(among)]}) + "\n")
    (folder / "listed.py").write_text(LINKER, encoding="utf-8")
    grid = GRID.format(folder=folder.as_posix(), linker=linker or f"{(folder / 'listed.py').as_posix()}:Listed")
    (folder / "grid.toml").write_text(grid, encoding="utf-8")


if __name__ == "__main__":
    main()
