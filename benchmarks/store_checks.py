"""What the checksums of the store cost: seconds spent on them, as a share of a run that makes all, and of one that reuses all.

Usage: python benchmarks/store_checks.py [--quick] [--check]
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from benchmarks.measure import Lines
from benchmarks.visual_memory import write_data

from robustmel.run import store
from robustmel.run.grid import parse_grid
from robustmel.run.listener import ProgressListener
from robustmel.run.runs import run_grid
from robustmel.run.stages import shards

BOUND = 0.02
"""Of a run that makes its sets; the cheapest attacks, on images of which PNG keeps every byte, are the worst case."""


class Spent:
    """Seconds in functions that are replaced for the length of the block; one that calls another counts once."""

    def __init__(self) -> None:
        self.seconds, self.within = 0.0, False

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its seconds counted."""

        def call(*arguments: Any, **named: Any) -> Any:
            if self.within:
                return function(*arguments, **named)
            self.within, began = True, time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.within = False
                self.seconds += time.perf_counter() - began

        return call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer images")
    parser.add_argument("--check", action="store_true", help="exit 1 where the bound is broken")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    lines, count = Lines(threads=1), 64 if asked.quick else 256
    spent = Spent()
    for module, name in ((store, "checked"), (store, "write_manifest"), (shards, "file_digest")):
        setattr(module, name, spent.timed(getattr(module, name)))
    for attack in ({"name": "noise", "eps": "8/255"}, {"name": "pgd", "strength": "normal"}):
        with tempfile.TemporaryDirectory() as folder:
            write_data(Path(folder) / "data", count)
            grid = parse_grid(
                {"datasets": [{"name": "jsonl", "path": f"{folder}/data"}], "linkers": ["clip-world"], "candidates": "all"}
                | {"attacks": [attack], "tasks": ["I2T"]}
            )
            for turn in ("makes all", "reuses all"):
                spent.seconds, began = 0.0, time.perf_counter()
                run_grid(grid, Path(folder) / "out", store.Store(Path(folder) / "store"), 1, "cpu", ProgressListener())
                whole = time.perf_counter() - began
                share = spent.seconds / whole
                figures = {"images": count, "attack": attack["name"], "seconds": round(whole, 3)}
                lines.tell(
                    "robustmel",
                    f"store checks, a run that {turn}",
                    **figures,
                    checks=round(spent.seconds, 4),
                    share=round(share, 5),
                )
                if turn == "makes all":
                    lines.ratio("store checks", whole, spent.seconds, attack=attack["name"], unit="times the checks is the run")
                    lines.expect("store checks", f"{share:.1%} of a run, at most {BOUND:.0%}", share <= BOUND)
    sys.exit(lines.end(asked.check))


if __name__ == "__main__":
    main()
