"""Peak memory and seconds of plan, run, report and page for many mentions in many cells, all answers being there.

Usage: python benchmarks/report_memory.py [--mentions N] [--cells N] [--quick] [--check]

Answers and logs are drawn and written by the package's own writers under the keys of a real plan; then the commands run, each in a
process of its own. A line per command: seconds, peak memory, and the memory of a further thousand mentions, from a second data set a
tenth as large.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from benchmarks.measure import Lines

from robustmel.images import write_png
from robustmel.run.builder import Builder
from robustmel.run.expand import expand
from robustmel.run.grid import read_grid
from robustmel.run.jobs import Answers, Variant
from robustmel.run.stages.link import ANSWERS
from robustmel.run.stages.perturb_images import IMAGE_LOG
from robustmel.run.stages.shards import column, write_table
from robustmel.run.store import Store

LINKERS = ("align-world", "blip-world", "blip2-world", "clip-robust-world", "clip-world")
LINKERS += ("flava-world", "owlvit-world", "siglip-world", "llava-world", "minigpt4-world")
LISTED = 10
"""Candidates of a mention."""
BOUND = 4.0
"""GB that no command may exceed at 100,000 mentions in 100 cells."""


def write_data(folder: Path, mentions: int, cells: int, images: int = 0) -> Path:
    """A data set of so many mentions, a tenth as many entities and, unless told, a fiftieth as many images; and its grid's path."""
    entities, images = max(LISTED, mentions // 10), images or max(1, mentions // 50)
    (folder / "images").mkdir(parents=True)
    dice = np.random.default_rng(0)
    for number in range(images):
        write_png(folder / "images" / f"{number}.png", dice.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    with (folder / "entities.jsonl").open("w", encoding="utf-8") as file:
        for number in range(entities):
            file.write(json.dumps({"id": f"e{number}", "name": f"entity {number}", "description": f"number {number}"}) + "\n")
    with (folder / "mentions.jsonl").open("w", encoding="utf-8") as file:
        for number in range(mentions):
            listed = [f"e{(number + step) % entities}" for step in range(LISTED)]
            text = (
                f"A sentence of some length that mentions entity {number % entities}, and says no more; it is number {number}."
            )
            body = {"id": f"m{number}", "text": text, "surface": f"entity {number % entities}", "gold": listed[0]}
            body |= {"image": f"images/{number % images}.png", "candidates": listed, "split": "test"}
            file.write(json.dumps(body) + "\n")
    linkers = LINKERS[: max(1, cells // 2)]
    levels = range(1, max(2, cells // len(linkers)))
    attacks = ", ".join(f'{{name = "pgd", eps = "{level}/255", label = "pgd-{level}"}}' for level in levels)
    grid = folder / "grid.toml"
    grid.write_text(
        f'datasets = [{{name = "jsonl", path = "{folder.as_posix()}"}}]\ntasks = ["I2T"]\nlinkers = {json.dumps(linkers)}\n'
        f'attacks = ["clean", {attacks}]\n'
    )
    return grid


def fill(grid: Path, store: Path) -> None:
    """Writes all that the grid asks for: a clean linker is right on 80 in 100 mentions, an attacked one on 40."""
    builder = Builder(Store(store))
    for job in expand(read_grid(grid), builder).jobs:
        if isinstance(job, Answers | Variant):
            ids = pa.array(column(builder.path(job.candidates) / "candidates.parquet", "id"), pa.string())
            listed = pa.array(column(builder.path(job.candidates) / "candidates.parquet", "candidates"), pa.list_(pa.string()))
            dice = np.random.default_rng(int(job.key[:12], 16))
            make = _answers if isinstance(job, Answers) else _log
            builder.store.keep(
                job.kind, job.key, lambda folder, made=(make, job, ids, listed, dice): made[0](folder, *made[1:])
            )
        else:
            builder.make(job, lambda done, of: None)


def _answers(folder: Path, job: Answers, ids: pa.Array, listed: pa.ListArray, dice: np.random.Generator) -> dict[str, Any]:
    count = len(ids)
    shift = np.where(dice.random(count) < (0.8 if job.variant is None else 0.4), 0, dice.integers(1, LISTED, count))
    places = (np.arange(LISTED)[None] - shift[:, None]) % LISTED + LISTED * np.arange(count)[:, None]
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * LISTED)
    scores = np.tile(np.linspace(0.9, 0.1, LISTED), count)
    nothing = np.zeros(count, np.int64)
    columns = {
        "id": ids,
        "ranked": pa.ListArray.from_arrays(offsets, listed.flatten().take(pa.array(places.ravel()))),
        "scores": pa.ListArray.from_arrays(offsets, scores),
        "error": pa.nulls(count, pa.string()),
        "seconds": np.full(count, 0.01),
        "text": pa.array([""] * count),
        "status": pa.array(["ok"] * count),
        **dict.fromkeys(("calls", "tokens_read", "tokens_written"), nothing),
        "above": shift,
        "tied": nothing + 1,
    }
    write_table(folder / "answers.parquet", pa.table(columns, schema=ANSWERS), ANSWERS)
    return {
        "mentions": count,
        "errors": 0,
        "seconds": 0.01 * count,
        "statuses": {},
        "misordered": 0,
        "deterministic": True,
        "cut_texts": 0,
    }


def _log(folder: Path, job: Variant, ids: pa.Array, listed: pa.ListArray, dice: np.random.Generator) -> dict[str, Any]:
    count = len(ids)
    fooled = dice.random(count) < 0.6
    texts = {
        "id": ids,
        "status": pa.array(["ok"] * count),
        "note": pa.array([""] * count),
        "image": pa.array(["images/x.png"] * count),
    }
    drawn = {"succeeded": fooled, "succeeded_u8": fooled, "queries": np.full(count, 21), "iterations": np.full(count, 20)}
    drawn |= {name: dice.random(count) for name in ("linf", "l2", "linf_u8", "l2_u8", "seconds")}
    drawn |= {"loss_first": dice.random(count), "loss_best": 1 + dice.random(count), "margin_first": -dice.random(count)}
    drawn["margin_best"] = np.where(fooled, 0.1, drawn["margin_first"] / 2)
    given = texts | drawn | {"zero_gradients": np.zeros(count, np.int64)}
    table = pa.table({field.name: given.get(field.name, pa.nulls(count, field.type)) for field in IMAGE_LOG}, schema=IMAGE_LOG)
    write_table(folder / "log.parquet", table, IMAGE_LOG)
    facts = {
        "mentions": count,
        "states": {"ok": count},
        "failed": 0,
        "queries": 21 * count,
        "notes": {},
        "modality": "image",
        "kept": "none",
    }
    return facts | {"seconds": 0.2 * count, "passes": 21 * count, "source_title": job.made_on}


def weighed(*command: str) -> tuple[float, float]:
    """Seconds and peak GB of a command of the package.

    Raises:
        RuntimeError: It failed.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    began = time.perf_counter()
    with tempfile.TemporaryFile() as words:
        running = subprocess.Popen([sys.executable, "-m", "robustmel", *command], env=environment, stdout=words, stderr=words)
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        if running.returncode:
            words.seek(0)
            raise RuntimeError(f"{command[0]} failed: {words.read().decode()[-2000:]}")
    return time.perf_counter() - began, usage.ru_maxrss * 1024 / 1e9


def commands(folder: Path, mentions: int, cells: int) -> dict[str, tuple[str, ...]]:
    """What is weighed on a store that holds all answers: command -> arguments, in the order in which they run."""
    grid, out, store = write_data(folder / "data", mentions, cells), str(folder / "out"), str(folder / "store")
    subprocess.run([sys.executable, __file__, "--fill", str(grid), store], check=True)
    kept = ("--store", store)
    return {"plan": (str(grid), *kept), "run": (str(grid), *kept, "--out", out), "report": (out, *kept, "--format", "json")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mentions", type=int, default=100_000)
    parser.add_argument("--cells", type=int, default=100)
    parser.add_argument("--quick", action="store_true", help="2,000 mentions in 20 cells")
    parser.add_argument("--check", action="store_true", help="exit 1 where a bound is broken")
    parser.add_argument("--fill", nargs=2, type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.fill:
        fill(*asked.fill)
        return
    mentions, cells = (2_000, 20) if asked.quick else (asked.mentions, asked.cells)
    lines = Lines()
    peaks: dict[str, list[float]] = {}
    for count in (mentions // 10, mentions):
        with tempfile.TemporaryDirectory() as folder:
            for command, arguments in commands(Path(folder), count, cells).items():
                seconds, peak = weighed(command, *arguments)
                peaks.setdefault(command, []).append(peak)
                lines.tell("robustmel", command, mentions=count, cells=cells, seconds=round(seconds, 1), peak_gb=round(peak, 3))
    for command, (few, many) in peaks.items():
        grown = (many - few) * 1e3 / (0.9 * mentions / 1000)
        lines.tell("robustmel", command, mentions=mentions, cells=cells, mb_per_further_thousand=round(grown, 2))
        lines.expect(command, f"{many:.2f} GB, {BOUND} at most", many <= BOUND)
    sys.exit(lines.end(asked.check))


if __name__ == "__main__":
    main()
