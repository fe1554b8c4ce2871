"""What a worker, or a machine without the engine, refuses in one sentence; the run ends with exit code 3 then."""

from __future__ import annotations

import os
import queue
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from robustmel.errors import MissingError
from robustmel.run.cluster import worker
from robustmel.run.cluster.options import ClusterOptions
from robustmel.run.cluster.order import Order, read_order, releases
from robustmel.run.cluster.ray_launcher import RayLauncher
from robustmel.run.cluster.slurm_launcher import SlurmLauncher


@pytest.fixture
def order(colour_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Order:
    """For a grid that costs nothing to plan; its digest of keys is another plan's."""
    monkeypatch.chdir(tmp_path)  # the worker goes elsewhere
    grid = {"datasets": [{"name": "jsonl", "path": str(colour_data)}], "tasks": ["T2T"], "linkers": ["copy-surface"]}
    threads = torch.get_num_threads()
    return Order(
        "127.0.0.1", 1, "t", grid | {"attacks": ["clean"]}, "?", str(tmp_path), str(tmp_path), "cpu", threads, releases()
    )


class Sent(list[dict[str, Any]]):
    """A connection that keeps what is sent."""

    def send(self, message: dict[str, Any]) -> None:
        self.append(message)


def refused(order: Order) -> str:
    """What a worker that cannot serve says, and that it ends with exit code 3."""
    said = Sent()
    assert worker._serve(order, said, queue.SimpleQueue()) == 3  # type: ignore[arg-type]
    (message,) = said
    return str(message["refused"])


def test_another_release_of_the_package_or_of_python_is_named(order: Order) -> None:
    said = refused(replace(order, releases="robustmel 0.0.9 on Python 3.9"))
    assert releases() in said
    assert "the run is on robustmel 0.0.9 on Python 3.9" in said


def test_a_working_folder_that_is_not_shared_is_named(order: Order) -> None:
    assert "does not see the working folder /nowhere" in refused(replace(order, folder="/nowhere"))


def test_other_files_on_the_node_are_named(order: Order) -> None:
    assert "its plan has other keys" in refused(order)


def test_a_node_without_the_model_files_names_them(order: Order, tmp_path: Path) -> None:
    grid = order.grid | {"tasks": ["I2T"], "linkers": [{"name": "clip", "model": str(tmp_path / "weights")}]}
    assert str(tmp_path / "weights") in refused(replace(order, grid=grid))


def test_a_store_that_is_not_shared_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="or the store is not shared with this node"):
        read_order(tmp_path / "elsewhere" / "order.json")


def test_a_run_that_cannot_be_reached_is_named(order: Order, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(MissingError, match=f"cannot reach 127.0.0.1:{port} .*is the run over"):
        worker.work(replace(order, port=port).write(tmp_path / "out"))


def test_a_machine_without_the_engine_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    with pytest.raises(MissingError, match="needs sbatch, squeue and scancel"):
        SlurmLauncher(ClusterOptions(executor="slurm"), tmp_path)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingError, match=r"install robustmel\[ray\]"):
        RayLauncher(ClusterOptions(executor="ray"))
