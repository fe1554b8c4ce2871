"""`candidates = "all"`: nothing is written, held or read for each pair of a mention and an entity."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests import warm_python

from robustmel.report import build
from robustmel.run.builder import Builder
from robustmel.run.estimate import OPEN_ANSWER_BYTES, outline
from robustmel.run.expand import expand
from robustmel.run.grid import Grid, parse_grid
from robustmel.run.listener import ProgressListener
from robustmel.run.runs import run_grid
from robustmel.run.store import Store

FOLDER = Path(__file__).parent
OWN = {"name": f"{FOLDER / 'colour_linker.py'}:ColourLinker", "label": "own"}
OPEN = {"name": f"{FOLDER / 'open_linkers.py'}:OpenColours", "label": "open"}
PGD = {"name": "pgd", "eps": 0.3, "step_size": 0.1, "steps": 3, "label": "pgd"}

ENTITIES = 100_000
MEASURED = """
import json, resource, sys, time
from pathlib import Path

from robustmel.report import build
from robustmel.run.grid import parse_grid
from robustmel.run.listener import ProgressListener
from robustmel.run.runs import run_grid
from robustmel.run.store import Store

data, linker, out, limit, size = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
grid = parse_grid({"datasets": [{"name": "jsonl", "path": str(data)}], "linkers": [{"name": linker, "label": "drawing"}],
                   "tasks": ["T2T"], "attacks": ["clean"], "candidates": "all", "batch_size": size, "limit": limit})
store = Store(out / "store")
run_grid(grid, out, store, 1, "cpu", ProgressListener())
(manifest,) = (out / "store" / "answers").glob("*/*/manifest.json")
began = time.perf_counter()
(summary,) = build(out, out / "store").summaries
status = Path("/proc/self/status")  # what getrusage says begins with the parent's peak
peak = (int(status.read_text().partition("VmHWM:")[2].split()[0]) if status.exists()
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * 1024
print(json.dumps({"peak": peak, "report": time.perf_counter() - began,
                  "n": summary.n, "recall": summary.recall, "link": json.loads(manifest.read_text())["seconds"]}))
"""


def grid(data: Path, linker: dict[str, Any], *attacks: Any) -> Grid:
    table = {"datasets": [{"name": "jsonl", "path": str(data)}], "linkers": [linker], "tasks": ["I2T"], "batch_size": 4}
    return parse_grid({**table, "attacks": ["clean", *attacks], "candidates": "all"})


def ran(data: Path, linker: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    run_grid(grid(data, linker, PGD), folder, Store(folder / "store"), 1, "cpu", ProgressListener())
    named = [summary.to_dict() for summary in build(folder, folder / "store").summaries]
    return [{key: value for key, value in row.items() if key not in ("linker", "source")} for row in named]


def test_open_answers_and_attacks_are_those_of_the_full_list(colour_data: Path, tmp_path: Path) -> None:
    whole, opened = ran(colour_data, OWN, tmp_path / "own"), ran(colour_data, OPEN, tmp_path / "open")
    assert opened == whole
    assert {row["recall"] for row in opened} == {1.0}
    assert whole[1]["accuracy"] < whole[0]["accuracy"]
    pictures = [sorted(tmp_path.glob(f"{name}/store/variant/*/*/images/*.png")) for name in ("own", "open")]
    assert len(pictures[0]) == 18
    assert [path.read_bytes() for path in pictures[0]] == [path.read_bytes() for path in pictures[1]]


def test_candidates_are_null_and_a_gold_entity_that_is_unknown_lowers_the_recall(colour_data: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in (colour_data / "mentions.jsonl").read_text().splitlines()]
    lines[0]["gold"] = "mauve"
    (colour_data / "mentions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows = ran(colour_data, OPEN, tmp_path)
    (written,) = tmp_path.glob("store/candidates/*/*/candidates.parquet")
    assert {row["candidates"] for row in pq.read_table(written).to_pylist()} == {None}
    assert [row["recall"] for row in rows] == pytest.approx([17 / 18] * len(rows), abs=1e-6)
    statuses = [
        row["status"] for path in tmp_path.glob("store/variant/*/*/log.parquet") for row in pq.read_table(path).to_pylist()
    ]
    assert statuses.count("skipped:gold_not_among_candidates") == 1


def test_a_linker_that_reads_lists_alone_gets_all_ids_and_the_plan_says_so(colour_data: Path, tmp_path: Path) -> None:
    builder = Builder(Store(tmp_path))
    said = "linker own gets every id of the knowledge base as its candidates, which costs memory."
    assert said in expand(grid(colour_data, OWN), builder).notes
    plan = expand(grid(colour_data, OPEN), builder)
    assert not any("costs memory" in note for note in plan.notes)
    entities = len((colour_data / "entities.jsonl").read_text().splitlines())
    told = outline(plan, builder.store, builder=builder)
    assert f"rank {entities} entities; a batch of 4 takes up to 0.00 GB" in told


def test_cost_grows_with_mentions_and_not_with_mentions_times_entities(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with (data / "entities.jsonl").open("w") as file:
        file.writelines(json.dumps({"id": f"Q{number}", "name": f"thing {number}"}) + "\n" for number in range(ENTITIES))
    with (data / "mentions.jsonl").open("w") as file:
        for number in range(60):
            row = {"id": f"m{number}", "gold": f"Q{number * 7}", "surface": "thing", "text": f"A thing, number {number}."}
            file.write(json.dumps(row | {"split": "test"}) + "\n")
    few, many, wide = (measured(data, tmp_path / str(limit), limit, size) for limit, size in ((20, 2), (60, 2), (59, 50)))
    assert (few["n"], many["n"]) == (20, 60)
    assert many["recall"] == 1.0
    pairs = 40 * ENTITIES
    assert many["peak"] - few["peak"] < 4 * pairs  # not four bytes for each pair of a mention and an entity
    assert 0 < wide["peak"] - many["peak"] < OPEN_ANSWER_BYTES * 48 * ENTITIES  # what `plan` says of a batch is enough
    assert many["link"] < 6 * few["link"] + 1  # three times the mentions, not the square of them
    assert many["report"] < 2 * few["report"] + 0.5
    for name, most in (("candidates", 20_000), ("answers", 200_000)):
        (file_,) = (tmp_path / "60").glob(f"store/{name}/*/*/{name}.parquet")
        assert file_.stat().st_size < most


def measured(data: Path, out: Path, limit: int, batch_size: int) -> dict[str, float]:
    linker = f"{FOLDER / 'open_linkers.py'}:Drawing"
    done = warm_python.run(["-c", MEASURED, str(data), linker, str(out), str(limit), str(batch_size)], cwd=FOLDER)
    assert done.returncode == 0, done.stderr[-2000:]
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result
