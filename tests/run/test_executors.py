"""Whoever does the pieces, in whatever order and however often: the artefacts are the same."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.warm_python import Process, start

from robustmel.run.builder import Builder
from robustmel.run.executors import share_count
from robustmel.run.expand import expand
from robustmel.run.grid import Grid, parse_grid
from robustmel.run.jobs import Answers, Candidates, Variant
from robustmel.run.listener import ProgressListener
from robustmel.run.locks import hold
from robustmel.run.runs import Finished, run_grid
from robustmel.run.store import Store

COLOUR_LINKER = (Path(__file__).parent / "colour_linker.py").read_text()


@pytest.fixture
def linker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The colour linker, which notes the process of every call by an attack."""
    monkeypatch.setenv("COLOUR_LINKER_CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    file = tmp_path / "noting.py"
    file.write_text(
        COLOUR_LINKER.replace("if self.pause and", "if pixels.requires_grad and").replace(
            'calls.write("x")', 'calls.write(f"{os.getpid()}\\n")'
        )
    )
    return f"{file}:ColourLinker"


def grid(data: Path, linker: str, **change: Any) -> Grid:
    pgd = {"name": "pgd", "eps": 0.6, "step_size": 0.1, "steps": 3}
    linkers = [{"name": linker, "label": "colour", "pause": change.pop("pause", 0.05)}]
    table = {"datasets": [{"name": "jsonl", "path": str(data)}], "linkers": linkers, "tasks": ["I2T"], "attacks": [pgd]}
    return parse_grid({**table, "batch_size": 2, **change})


def job(of: type[Any], asked: Grid, builder: Builder) -> Any:
    """The first job of a type, and all that it needs made."""
    found = next(job for job in expand(asked, builder).jobs if isinstance(job, of))
    for need in found.needs:
        builder.make(need, lambda *_: None)
    return found


def callers(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "calls").read_text().split()] if (folder / "calls").exists() else []


def contents(store: Path) -> dict[str, Any]:
    """Images byte by byte and tables without the times."""
    images: dict[str, Any] = {str(path.relative_to(store)): path.read_bytes() for path in store.glob("variant/*/*/images/*")}
    tables = {str(path.relative_to(store)): pq.read_table(path) for path in store.glob("*/*/*/*.parquet")}
    timeless = {
        name: table.drop_columns([column for column in table.column_names if column == "seconds"]).to_pylist()
        for name, table in tables.items()
    }
    return images | timeless


def test_two_workers_share_one_perturbed_set(colour_data: Path, tmp_path: Path, linker: str) -> None:
    file = Path(linker.split(":", maxsplit=1)[0])  # slow in workers, so that one has not done all when the other is up
    file.write_text(
        file.read_text().replace("sleep(self.pause)", 'sleep(__import__("multiprocessing").parent_process() and 0.7 or 0)')
    )
    asked = grid(colour_data, linker)
    for name, workers in (("one", 1), ("two", 2)):
        run_grid(asked, tmp_path / name, Store(tmp_path / f"store {name}"), workers, "cpu", ProgressListener())
    processes = set(callers(tmp_path)) - {os.getpid()}
    assert len(processes) == 2
    one, two = contents(tmp_path / "store one"), contents(tmp_path / "store two")
    assert one == two
    assert len(one) > 18


@pytest.mark.parametrize("shares", [[0], [1, 1], [2, 0, 1], [0, 0, 2, 1, 2]], ids=str)
def test_shares_may_be_lost_or_done_twice(colour_data: Path, tmp_path: Path, linker: str, shares: list[int]) -> None:
    asked = grid(colour_data, linker)
    whole, cut = (Builder(Store(tmp_path / name), "cpu") for name in ("whole", "cut"))
    variant = job(Variant, asked, whole)
    assert whole.make(variant, lambda *_: None)
    calls = len(callers(tmp_path))
    job(Variant, asked, cut)
    for share in shares:
        cut.make_share(variant, share, 3, lambda *_: None)
    assert not cut.store.has("variant", variant.key)
    assert cut.make(variant, lambda *_: None)
    assert len(callers(tmp_path)) == 2 * calls, "no shard is done twice by the one who finds it"
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_a_share_done_by_two_at_once_and_after_the_artefact_is_there(colour_data: Path, tmp_path: Path, linker: str) -> None:
    builders = [Builder(Store(tmp_path / "store"), "cpu") for _ in range(4)]
    variant = job(Variant, grid(colour_data, linker), builders[0])

    def do(builder: Builder) -> None:
        builder.make_share(variant, 0, 2, lambda *_: None)
        builder.make(variant, lambda *_: None)
        builder.make_share(variant, 1, 2, lambda *_: None)

    threads = [threading.Thread(target=do, args=[builder]) for builder in builders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    folder = builders[0].path(variant)
    assert [path.name for path in folder.parent.iterdir()] == [variant.key]
    assert len(pq.read_table(folder / "log.parquet")) == 18


def test_small_artefacts_are_not_cut(colour_data: Path, tmp_path: Path, linker: str) -> None:
    def count(places: int, of: type[Any] = Variant, **change: Any) -> int:
        jobs = expand(grid(colour_data, linker, **change), Builder(Store(tmp_path / "store"), "cpu")).jobs
        return share_count(next(job for job in jobs if isinstance(job, of)), places)

    assert count(4, batch_size=16) == count(4, limit=3) == count(1) == count(8, Candidates) == 1
    assert count(4) == count(4, Answers) == 4
    assert count(8) == 5  # 18 mentions are 9 batches of 2
    assert count(8, batch_size=9) == 1


def test_two_runs_at_once_count_what_each_has_made(colour_data: Path, tmp_path: Path, linker: str) -> None:
    asked, finished = grid(colour_data, linker, attacks=["clean", "noise"]), list[Finished]()

    def run(name: str) -> None:
        finished.append(run_grid(asked, tmp_path / name, Store(tmp_path / "store"), 1, "cpu", ProgressListener()))

    threads = [threading.Thread(target=run, args=[name]) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wanted = len(expand(asked, Builder(Store(tmp_path / "other"), "cpu")).jobs)
    assert sum(one.made for one in finished) == wanted
    assert {one.made + one.reused for one in finished} == {wanted}


class Told(ProgressListener):
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.count, self.log = -1, list[tuple[str, str, int, int]]()

    def planned(self, count: int) -> None:
        self.count = count

    def begun(self, job: Any) -> None:
        self.log.append((job.key, "begun", 0, 0))

    def advanced(self, job: Any, done: int, of: int) -> None:
        self.log.append((job.key, "advanced", done, of))

    def finished(self, job: Any) -> None:
        self.log.append((job.key, "finished", 0, 0))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_listener_is_told_all_in_order(colour_data: Path, tmp_path: Path, linker: str, workers: int) -> None:
    told = Told()
    finished = run_grid(grid(colour_data, linker), tmp_path / "out", Store(tmp_path / "store"), workers, "cpu", told)
    keys = {key for key, *_ in told.log}
    assert told.count == len(keys) == finished.made
    for key in keys:
        own = [entry[1:] for entry in told.log if entry[0] == key]
        assert own[0] == ("begun", 0, 0)
        assert own[-1] == ("finished", 0, 0)
        assert {what for what, *_ in own[1:-1]} <= {"advanced"}
        assert all(0 <= done <= of for _, done, of in own[1:-1])
    assert any(done == 3 and of > 6 for _, _, done, of in told.log)


def started(folder: Path, data: Path, linker: str, workers: int, pause: float) -> Process:
    (folder / "grid.toml").write_text(
        f'datasets = [{{name = "jsonl", path = "{data}"}}]\ntasks = ["I2T"]\nbatch_size = 2\n'
        f'attacks = [{{name = "pgd", eps = 0.6, step_size = 0.1, steps = 3}}]\n'
        f'linkers = [{{name = "{linker}", label = "colour", pause = {pause}}}]\n'
    )
    command = ["-m", "robustmel", "run", "grid.toml", "--workers", str(workers), "--device", "cpu", "--store", "s"]
    return start(command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE)


def until(condition: Callable[[], Any], process: Process) -> None:
    deadline = time.monotonic() + 300  # a busy machine starts a cluster in minutes
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("workers", "of", "how"),
    [
        (1, Candidates, signal.SIGINT),
        (2, Candidates, signal.SIGINT),
        (2, Variant, signal.SIGTERM),
    ],
)
def test_waiting_for_another_run_obeys_an_interrupt(
    colour_data: Path, tmp_path: Path, linker: str, workers: int, of: type[Any], how: signal.Signals
) -> None:
    jobs = expand(grid(colour_data, linker, pause=0.01), Builder(Store(tmp_path / "s"), "cpu")).jobs
    wanted = next(job for job in jobs if isinstance(job, of))
    lock = Store(tmp_path / "s").path(wanted.kind, wanted.key).with_name(f"{wanted.key}.lock")
    with hold(lock, "it", wait=False):
        process = started(tmp_path, colour_data, linker, workers, 0.01)
        assert process.stderr is not None
        while "waiting for process" not in (line := process.stderr.readline()):
            assert line, "it ended without waiting"
        began = time.monotonic()
        process.send_signal(how)
        _, said = process.communicate(timeout=30)
        assert time.monotonic() - began < 5
    assert process.returncode == 130
    assert "interrupted" in said
    assert "Traceback" not in said


def test_an_interrupt_waits_for_no_worker_but_those_at_a_shard(colour_data: Path, tmp_path: Path, linker: str) -> None:
    """The plug-in takes minutes to load in the workers, as a large model may."""
    file = Path(linker.split(":", maxsplit=1)[0])
    file.write_text(
        file.read_text().replace(
            "        self.kb = kb\n",
            "        self.kb = kb\n        import multiprocessing\n        if multiprocessing.parent_process():\n"
            f'            open({str(tmp_path / "loading")!r}, "w").close()\n            time.sleep(300)\n',
            1,
        )
    )
    process = started(tmp_path, colour_data, linker, 2, 0.01)
    until((tmp_path / "loading").exists, process)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert time.monotonic() - began < 10
    assert (process.returncode, "Traceback" in said) == (130, False), said


def test_a_killed_worker_is_told_and_the_same_command_goes_on(colour_data: Path, tmp_path: Path, linker: str) -> None:
    process = started(tmp_path, colour_data, linker, 2, 0.1)
    until(lambda: len(list(tmp_path.glob("s/variant/*/*.partial/shards/*.parquet"))) >= 2, process)
    os.kill(callers(tmp_path)[-1], signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode not in (0, 130)
    assert "a worker process died while making" in said
    assert "Traceback" not in said
    again = started(tmp_path, colour_data, linker, 1, 0.1)
    assert again.communicate(timeout=100)
    assert again.returncode == 0
    assert len(pq.read_table(next(tmp_path.glob("s/variant/*/*/log.parquet")))) == 18


def test_workers_end_with_their_parent(colour_data: Path, tmp_path: Path, linker: str) -> None:
    process = started(tmp_path, colour_data, linker, 2, 0.3)
    until(lambda: len(set(callers(tmp_path))) == 2, process)
    process.kill()
    _, told = process.communicate()
    assert "resource_tracker" not in told
    deadline = time.monotonic() + 20
    while alive := [pid for pid in set(callers(tmp_path)) if _runs(pid)]:
        assert time.monotonic() < deadline, f"{alive} go on without their parent"
        time.sleep(0.1)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
