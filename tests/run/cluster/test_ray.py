"""Workers as tasks of a real Ray cluster of two raylets on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.run.cluster.conftest import Job
from tests.run.test_executors import contents, until

pytest.importorskip("ray", reason="needs Ray (pip install robustmel[ray])")


@pytest.fixture(scope="module")
def ray() -> Iterator[dict[str, Any]]:
    """A cluster's addresses and raylets."""
    script = Path(__file__).parent / "ray_cluster.py"
    process = subprocess.Popen(
        [sys.executable, script, "2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())
    process.stdin.close()
    process.wait(timeout=60)


def test_an_interrupt_leaves_no_worker(job: Job, ray: dict[str, Any]) -> None:
    process = job.start("ray-stopped", "--executor", "ray", RAY_ADDRESS=ray["address"])
    until(lambda: job.shards("ray-stopped"), process)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, "interrupted" in said) == (130, True)
    assert not list((job.folder / "ray-stopped-store" / "workers").iterdir())


def test_more_than_any_node_has_is_refused(job: Job, ray: dict[str, Any]) -> None:
    (job.folder / "large.toml").write_text("cpus = 64\n")
    options = ("--executor", ray["client"], "--executor-options", "large.toml")
    process = job.start("large", *options)
    _, said = process.communicate(timeout=100)
    assert process.returncode == 3
    assert said.splitlines()[-1] == "error: no node of the Ray cluster has 64 CPU."


def test_a_cluster_that_is_not_there_is_named(job: Job) -> None:
    process = job.start("absent", "--executor", "ray", RAY_ADDRESS="127.0.0.1:1")
    _, said = process.communicate(timeout=100)
    assert process.returncode == 3
    assert "Ray cluster" in said.splitlines()[-1]


def test_a_lost_node_changes_nothing(job: Job, ray: dict[str, Any]) -> None:
    (job.folder / "far.toml").write_text("[ray]\nresources = {far = 1}\n")
    process = job.start("ray", "--executor", "ray", "--executor-options", "far.toml", RAY_ADDRESS=ray["address"])
    until(lambda: job.shards("ray"), process)
    listed = subprocess.run(["ps", "-eo", "ppid,pid,args"], capture_output=True, text=True, check=True).stdout.splitlines()
    running = [line.split(maxsplit=2) for line in listed if "ray::_work" in line]
    raylet, worker = next((int(parent), int(child)) for parent, child, _ in running if int(parent) in ray["raylets"])
    os.kill(raylet, signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    _, said = process.communicate(timeout=200)
    assert process.returncode == 0, said
    assert contents(job.folder / "ray-store") == contents(job.local)
    work = json.loads((job.folder / "ray" / "run.json").read_text())["work"]
    assert (work["executor"], sum(work["lost"].values()), said.count("trying again")) == ("ray", 1, 1)
