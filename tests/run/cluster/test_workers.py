"""The protocol between a run and its workers, with workers that do nothing but speak it."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from robustmel.errors import MissingError, UsageError
from robustmel.run.cluster import workers as module
from robustmel.run.cluster.connection import LONGEST, Connection
from robustmel.run.cluster.order import Order, read_order
from robustmel.run.cluster.workers import ClusterWorkers
from robustmel.run.pieces import Piece
from robustmel.run.store import Store

Act = Callable[[Connection, dict[str, Any]], None]


@dataclass(frozen=True)
class FakeJob:
    """An artefact of which only the name matters."""

    key: str
    kind: str = "answers"
    needs: tuple[Any, ...] = ()

    @property
    def title(self) -> str:
        return f"job {self.key}"


def made(connection: Connection, asked: dict[str, Any]) -> None:
    connection.send({"number": asked["number"], "done": 1, "of": 1})
    connection.send({"number": asked["number"], "made": True})


class Threads:
    """Starts workers as threads, each with what it does to a piece; the last serves all further ones."""

    poll = 0.0

    def __init__(self, *acts: Act, hello: dict[str, Any] | None = None) -> None:
        self.acts, self.hello, self.started, self.threads = list(acts), hello or {}, 0, list[threading.Thread]()
        self.stopped = False

    def start(self, count: int, order: Path) -> None:
        for _ in range(count):
            act = self.acts[min(self.started, len(self.acts) - 1)]
            self.started += 1
            self.threads.append(threading.Thread(target=self._work, args=(act, read_order(order)), daemon=True))
            self.threads[-1].start()

    def _work(self, act: Act, order: Order) -> None:
        connection = Connection(socket.create_connection((order.host, order.port)))
        connection.send({"token": order.token, "worker": "node1"} | self.hello)
        connection.send({"ready": True})
        while (message := connection.receive()) is not None and "key" in message:
            act(connection, message)
        connection.close()

    def living(self) -> int | None:
        return sum(thread.is_alive() for thread in self.threads)

    def last_words(self) -> str:
        return "killed by its node"

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Callable[..., ClusterWorkers]]:
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(module, "VISIBLE", 0.0)  # nothing is made in these tests

    def order(port: int, token: str) -> Order:
        return Order("127.0.0.1", port, token, {}, "", str(tmp_path), str(tmp_path), "cpu", 1, "")

    def build(launcher: Threads, places: int = 1, tries: int = 3, tell: Any = lambda *_: None) -> ClusterWorkers:
        return ClusterWorkers(launcher, order, Store(tmp_path), tmp_path / "out", places, tries, threading.Event(), tell)

    yield build
    monkeypatch.undo()


def finish(cluster: ClusterWorkers, *pieces: Piece, seconds: float = 20) -> list[Any]:
    """The outcome of every piece: whether it made the artefact, or what it raised."""
    futures = [cluster.submit(piece) for piece in pieces]
    until = time.monotonic() + seconds
    while not all(future.done() for future in futures):
        assert time.monotonic() < until, "nothing happened"
        cluster.wait(futures)
    return [future.exception() or future.result() for future in futures]


def pieces(count: int) -> list[Piece]:
    return [Piece(FakeJob(f"k{number}")) for number in range(count)]  # type: ignore[arg-type]


def test_every_piece_is_done_once_and_told_of(cluster: Callable[..., ClusterWorkers]) -> None:
    seen, told = list[str](), list[tuple[str, int, int]]()

    def act(connection: Connection, asked: dict[str, Any]) -> None:
        seen.append(asked["key"])
        made(connection, asked)

    launcher = Threads(act)
    with cluster(launcher, places=3, tell=lambda piece, done, of: told.append((piece.job.key, done, of))) as workers:
        assert finish(workers, *pieces(20)) == [True] * 20
        order = workers.path
        assert order.stat().st_mode & 0o077 == 0
    assert sorted(seen) == sorted({f"k{number}" for number in range(20)})
    assert sorted(told) == sorted((key, 1, 1) for key in seen)
    assert (launcher.started, launcher.stopped, order.exists()) == (3, True, False)


def test_a_worker_that_vanishes_breaks_its_piece_and_is_replaced(cluster: Callable[..., ClusterWorkers]) -> None:
    launcher = Threads(lambda connection, _: connection.close(), made)
    with cluster(launcher) as workers:
        (lost,) = finish(workers, *pieces(1))
        assert isinstance(lost, BrokenExecutor)
        assert "node1" in str(lost)
        assert finish(workers, *pieces(2)) == [True, True]
    assert launcher.started == 2


def test_a_silent_worker_counts_as_dead(cluster: Callable[..., ClusterWorkers], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENCE", 0.3)
    with cluster(Threads(lambda *_: time.sleep(5), made)) as workers:
        (lost,) = finish(workers, *pieces(1))
    assert isinstance(lost, BrokenExecutor)


@pytest.mark.parametrize(
    ("kind", "error"), [("MissingError", MissingError), ("UsageError", UsageError), ("defect", RuntimeError)]
)
def test_errors_come_back_as_they_were_raised(
    cluster: Callable[..., ClusterWorkers], kind: str, error: type[Exception]
) -> None:
    def fail(connection: Connection, asked: dict[str, Any]) -> None:
        connection.send({"number": asked["number"], "failed": kind, "text": "no weights here"})

    with cluster(Threads(fail)) as workers:
        (outcome,) = finish(workers, *pieces(1))
    assert type(outcome) is error
    assert str(outcome) == "no weights here"


def test_nobody_is_admitted_without_the_token(cluster: Callable[..., ClusterWorkers]) -> None:
    launcher = Threads(made, hello={"token": "guessed"})
    with cluster(launcher, tries=1) as workers, pytest.raises(MissingError, match="killed by its node"):
        finish(workers, *pieces(1))
    assert launcher.stopped


@pytest.mark.parametrize("sent", [b"[]\n", b"{}", b"\xff\n", b"[" * 100_000 + b"\n", b'"' + b"x" * LONGEST + b'"\n'])
def test_odd_messages_end_a_connection(sent: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    threading.Thread(target=lambda: [theirs.sendall(sent), theirs.close()], daemon=True).start()
    connection = Connection(ours)
    assert connection.receive() is None
    theirs.close()
    connection.close()


def test_a_refusal_is_what_the_user_reads(cluster: Callable[..., ClusterWorkers]) -> None:
    launcher = Threads(made, hello={})
    launcher._work = lambda act, order: _refuse(order)  # type: ignore[method-assign]
    with cluster(launcher) as workers, pytest.raises(MissingError, match="node2 sees other data"):
        finish(workers, *pieces(1))


def _refuse(order: Order) -> None:
    connection = Connection(socket.create_connection((order.host, order.port)))
    connection.send({"token": order.token, "worker": "node2"})
    connection.send({"refused": "node2 sees other data"})
    connection.close()


def test_an_order_survives_its_file(tmp_path: Path) -> None:
    order = Order("h", 1, "t", {"datasets": ["é"]}, "p", "f", str(tmp_path), "cpu", 2, "r")
    first, second = order.write(tmp_path / "out"), order.write(tmp_path / "out")
    assert first == second, "what a killed run left is written over"
    assert read_order(second) == order
    assert json.loads(second.read_text())["grid"] == {"datasets": ["é"]}
