"""What a run and its report hold in memory does not grow with their rows."""

import json
from pathlib import Path

import pytest
from tests import warm_python

FEW, MANY, LISTED = 300, 1300, 100
ALLOWED = 6.0
"""MB per 1,000 mentions with lists of 100 candidates, in two sets of answers; 13 are measured where mentions are objects, 53 where rows are."""

LINKER = """
from robustmel.types import Prediction

class Listed:
    version = 1
    tasks = ("IT2T", "T2T")

    def __init__(self, kb, /):
        pass

    def link(self, queries, task):
        return [Prediction(query.id, query.candidates, tuple(-i / 7 for i in range(len(query.candidates)))) for query in queries]
"""

MEASURED = """
import sys
from pathlib import Path

from robustmel.report import build
from robustmel.run.grid import parse_grid
from robustmel.run.listener import ProgressListener
from robustmel.run.runs import run_grid
from robustmel.run.store import Store

folder = Path(sys.argv[1])
grid = parse_grid({"datasets": [{"name": "jsonl", "path": str(folder)}], "linkers": [f"{folder / 'listed.py'}:Listed"],
                   "tasks": ["IT2T", "T2T"], "attacks": ["clean"], "split": "all"})
run_grid(grid, folder / "out", Store(folder / "store"), 1, "cpu", ProgressListener())
rows = [(row.n, row.accuracy) for row in build(folder / "out").summaries]
assert rows == [(int(sys.argv[2]), 1.0)] * 2, rows
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


def peak(folder: Path, mentions: int) -> float:
    """MB."""
    folder.mkdir()
    names = [f"entity-{number}" for number in range(LISTED)]
    lines = [{"id": str(n), "gold": names[n % LISTED], "surface": "it", "text": f"it, {n}"} for n in range(mentions)]
    listed = ({**line, "candidates": names[n % LISTED :] + names[: n % LISTED]} for n, line in enumerate(lines))
    (folder / "mentions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in listed))
    (folder / "entities.jsonl").write_text("".join(json.dumps({"id": name, "name": name}) + "\n" for name in names))
    (folder / "listed.py").write_text(LINKER)
    done = warm_python.run(["-c", MEASURED, str(folder), str(mentions)])
    assert done.returncode == 0, done.stderr
    return int(done.stdout) * 1024 / 1e6


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of a process of its own")
def test_memory_hardly_grows_with_the_number_of_mentions(tmp_path: Path) -> None:
    grown = 1000 * (peak(tmp_path / "many", MANY) - peak(tmp_path / "few", FEW)) / (MANY - FEW)
    assert grown < ALLOWED
