"""What spreading work costs: workers that only sleep, pieces that cost nothing, and datatrove's executor on Ray beside ours.

Usage: python benchmarks/scale.py [--quick] [--check]

Workers speak the protocol of a cluster's workers, over the same connection, and are processes of this machine: since they sleep, a
few cores show what eight workers lose by waiting for pieces. The scheduler is the one of `robustmel run`.
"""

from __future__ import annotations

import argparse
import importlib.util
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import Lines

from robustmel.run.cluster import workers as cluster_workers
from robustmel.run.cluster.connection import Connection
from robustmel.run.cluster.order import Order, read_order
from robustmel.run.cluster.workers import ClusterWorkers
from robustmel.run.executors import Schedule
from robustmel.run.listener import ProgressListener
from robustmel.run.store import Store

NAP = 0.05
"""Seconds that a piece takes."""
EFFICIENT = 0.9
"""Of eight workers' time, at least this share is spent on pieces of `NAP` seconds."""
CHEAP = 1e-3
"""Seconds a piece costs the scheduler, at most."""


@dataclass(frozen=True)
class Nap:
    """Stands for an artefact; making it takes `NAP` seconds or none."""

    key: str
    kind: str = "candidates"
    needs: tuple[Any, ...] = ()
    title: str = "a nap"


class Processes:
    """Starts workers as processes of this machine that sleep."""

    poll = 60.0

    def __init__(self, nap: float) -> None:
        self.nap, self.started = nap, list[subprocess.Popen[bytes]]()

    def start(self, count: int, order: Path) -> None:
        """Starts so many."""
        command = [sys.executable, __file__, "--worker", str(order), "--nap", str(self.nap)]
        self.started += [subprocess.Popen(command) for _ in range(count)]

    def living(self) -> int:
        """Those that have not ended."""
        return sum(process.poll() is None for process in self.started)

    def last_words(self) -> str:
        """Nothing: sleepers have nothing to say."""
        return ""

    def stop(self) -> None:
        """Kills them."""
        for process in self.started:
            process.kill()
            process.wait()


def serve(path: Path, nap: float) -> None:
    """A worker: sleeps for every piece."""
    order = read_order(path)
    connection = Connection(socket.create_connection((order.host, order.port)))
    connection.send({"token": order.token, "worker": "sleeper"})
    connection.send({"ready": True})
    while "key" in (message := connection.receive() or {}):
        time.sleep(nap)
        connection.send({"number": message["number"], "made": True})


def seconds(count: int, places: int, nap: float) -> float:
    """For so many pieces on so many workers, once all of them are there."""
    jobs = {str(number): Nap(str(number)) for number in range(count)}
    with tempfile.TemporaryDirectory() as folder:

        def order(port: int, token: str) -> Order:
            return Order("127.0.0.1", port, token, {}, "", folder, folder, "cpu", 1, "")

        schedule = Schedule(jobs, ProgressListener())  # type: ignore[arg-type]
        launcher, store = Processes(nap), Store(Path(folder))
        with ClusterWorkers(
            launcher, order, store, Path(folder), places, 1, threading.Event(), schedule.report_progress
        ) as executor:
            while sum(worker.ready for worker in executor.workers) < places:
                executor.wait(())
            began = time.perf_counter()
            schedule.carry_out(executor)
            return time.perf_counter() - began


def peer(count: int, places: int) -> float | None:
    """Seconds of datatrove's executor on Ray for so many empty tasks; None where it is not installed."""
    if importlib.util.find_spec("datatrove") is None or importlib.util.find_spec("ray") is None:
        return None
    import ray
    from datatrove.executor.ray import RayPipelineExecutor

    ray.init(num_cpus=places, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        with tempfile.TemporaryDirectory() as logs:
            executor = RayPipelineExecutor([_nothing], tasks=count, workers=places, logging_dir=logs, mem_per_cpu_gb=0.1)
            began = time.perf_counter()
            executor.run()
            return time.perf_counter() - began
    finally:
        ray.shutdown()


def _nothing(data: Any, rank: int = 0, world_size: int = 1) -> Any:
    """A pipeline of one step that does nothing."""
    yield from ()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer pieces")
    parser.add_argument("--check", action="store_true", help="exit 1 where a bound is broken")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--nap", type=float, default=NAP, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker is not None:
        serve(asked.worker, asked.nap)
        return
    cluster_workers.VISIBLE = 0.0  # sleepers make nothing that could be seen
    lines, each = Lines(), 10 if asked.quick else 100
    for places in (1, 2, 4, 8):
        took = seconds(each * places, places, NAP)
        share = each * NAP / took
        lines.tell("robustmel", f"{places} workers", pieces=each * places, seconds=round(took, 3), efficiency=round(share, 3))
        lines.expect(f"{places} workers", f"{share:.2f} of their time is spent on pieces", share >= EFFICIENT)
    for count in (1_000,) if asked.quick else (1_000, 10_000, 100_000):
        ours = seconds(count, 4, 0.0) / count
        lines.tell("robustmel", f"{count} empty pieces", seconds_each=round(ours, 6))
        lines.expect(f"{count} empty pieces", f"{ours:.6f} s a piece", ours <= CHEAP)
    count = 20 if asked.quick else 200
    theirs, ours = peer(count, 2), seconds(count, 2, 0.0)
    lines.tell("robustmel", f"{count} empty pieces on 2 workers", seconds_each=round(ours / count, 6))
    if theirs is None:
        lines.tell("datatrove", f"{count} empty pieces on 2 workers", skipped="datatrove or ray is not installed")
    else:
        lines.tell("datatrove", f"{count} empty pieces on 2 workers", seconds_each=round(theirs / count, 6))
        lines.ratio(f"{count} empty pieces on 2 workers", theirs, ours, peer="datatrove")
    sys.exit(lines.end(asked.check))


if __name__ == "__main__":
    main()
