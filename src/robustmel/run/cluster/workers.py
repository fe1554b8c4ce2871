"""The executor of `--executor ray` and `slurm`: hands pieces to workers that connect, and outlives any of them."""

import hmac
import logging
import queue
import secrets
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from robustmel.errors import ImageError, MissingError, RobustMELError, UsageError
from robustmel.run.cluster.connection import SILENCE, Connection
from robustmel.run.cluster.launcher import Launcher
from robustmel.run.cluster.order import Order
from robustmel.run.interrupt import PATIENCE, Interrupted, StopSignal
from robustmel.run.pieces import Piece, Tell
from robustmel.run.store import Store

log = logging.getLogger(__name__)

ERRORS: dict[str, Callable[[str], Exception]] = {kind.__name__: kind for kind in (MissingError, UsageError, RobustMELError)}
ERRORS["ImageError"] = lambda text: ImageError("image_decode", text)
"""What a worker may report by name."""

LONG_WAIT = 60.0
"""Seconds without any worker after which the user is told, once."""
VISIBLE = 90.0
"""Seconds in which a network file system must show here what a worker made."""


class WorkerLost(BrokenExecutor):
    """A worker's connection ended, or fell silent, before its piece was done."""


@dataclass(eq=False)
class _Worker:
    connection: Connection
    name: str
    heard: float
    ready: bool = False
    number: int | None = None


@dataclass(eq=False)
class _Given:
    piece: Piece
    future: Future[bool] = field(default_factory=Future)
    begun: bool = False


class ClusterWorkers:
    """Pieces done by workers of a cluster.

    A worker that is lost is replaced, at most `tries` times a place; its piece is for the schedule to submit again.

    Args:
        launcher: Starts workers.
        order: What they are told, by port and token.
        store: The store.
        out: The run folder.
        places: Workers at once.
        tries: How often a piece may be submitted.
        stop: Set once the user asked to stop.
        tell: Told how far a piece is.
    """

    def __init__(
        self,
        launcher: Launcher,
        order: Callable[[int, str], Order],
        store: Store,
        out: Path,
        places: int,
        tries: int,
        stop: StopSignal,
        tell: Tell,
    ) -> None:
        self.launcher, self.places, self.tries, self.stop, self.tell = launcher, places, tries, stop, tell
        self.store, self.out, self._order = store, out, order
        self.inbox = queue.SimpleQueue[tuple[_Worker, dict[str, Any] | None]]()
        self.workers: set[_Worker] = set()
        self.given: dict[int, _Given] = {}
        self.waiting: deque[int] = deque()
        self.late: list[tuple[_Given, bool, float]] = []
        self.submitted = 0
        self.refusal = ""

    def __enter__(self) -> Self:
        """Listens, and asks for workers."""
        token = secrets.token_urlsafe(32)
        order = self._order(0, token)
        try:
            self.server = socket.create_server((order.host, 0), backlog=1024)
        except OSError as problem:
            raise MissingError(
                f'this machine cannot listen as "{order.host}" ({problem}); name it as its workers see it: host = "..." in the'
                " executor options."
            ) from None
        self.token = token
        self.path = self._order(self.server.getsockname()[1], token).write(self.out)
        threading.Thread(target=self._admit, daemon=True).start()
        self.replacements, self.polled = self.places * self.tries, time.monotonic()
        self.opened, self.patient = self.polled, True
        try:
            self.launcher.start(self.places, self.path)
        except BaseException:
            self._close()
            raise
        return self

    def submit(self, piece: Piece) -> Future[bool]:
        """Hands a piece to the next worker that is free."""
        self.submitted += 1
        self.given[self.submitted] = _Given(piece)
        self.waiting.append(self.submitted)
        self._hand_out()
        return self.given[self.submitted].future

    def wait(self, running: Collection[Future[bool]]) -> None:
        """Until a message has come, or for a fifth of a second; then takes all that are there."""
        try:
            messages = [self.inbox.get(timeout=0.2)]
            while not self.inbox.empty():
                messages.append(self.inbox.get())
        except queue.Empty:
            messages = []
        for worker, message in messages:
            self._take(worker, message)
        for worker in [worker for worker in self.workers if time.monotonic() - worker.heard > SILENCE]:
            self._lose(worker)
        self._confirm()
        self._replace()
        self._hand_out()

    def _confirm(self) -> None:
        """Ends pieces once this machine sees what was made: a network file system may show it late."""
        for given, made, until in [*self.late]:
            job = given.piece.job
            if given.piece.share is not None or self.store.seen(job.kind, job.key) or time.monotonic() > until:
                self.late.remove((given, made, until))
                given.future.set_result(made)

    def _admit(self) -> None:
        """Lets in who shows the token; a thread reads what each says."""
        while True:
            try:
                end, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._read, args=(Connection(end),), daemon=True).start()

    def _read(self, connection: Connection) -> None:
        connection.end.settimeout(SILENCE)
        hello = connection.receive() or {}
        if not hmac.compare_digest(str(hello.get("token", "")).encode(), self.token.encode()):
            connection.close()
            return
        connection.end.settimeout(None)
        worker = _Worker(connection, str(hello.get("worker", "a worker")), time.monotonic())
        self.inbox.put((worker, {}))
        while (message := connection.receive()) is not None:
            self.inbox.put((worker, message))
        self.inbox.put((worker, None))

    def _take(self, worker: _Worker, message: dict[str, Any] | None) -> None:
        worker.heard = time.monotonic()
        if message is None or "refused" in message:
            self.refusal = message["refused"] if message else self.refusal
            self._lose(worker)
            return
        self.workers.add(worker)
        worker.ready = worker.ready or "ready" in message
        given = self.given.get(message.get("number", 0))
        if given is None or message["number"] != worker.number:
            return
        if "done" in message:
            given.begun = True
            self.tell(given.piece, int(message["done"]), int(message["of"]))
            return
        worker.number = None
        del self.given[message["number"]]
        if "made" in message:
            self.late.append((given, bool(message["made"]), time.monotonic() + VISIBLE))
        elif "failed" in message:
            given.future.set_exception(ERRORS.get(message["failed"], RuntimeError)(f"{message['text']}"))
        else:
            given.future.set_exception(WorkerLost(f"{worker.name} was stopped"))

    def _lose(self, worker: _Worker) -> None:
        worker.connection.close()
        self.workers.discard(worker)
        given = self.given.pop(worker.number, None) if worker.number else None
        if given is not None:
            given.future.set_exception(WorkerLost(worker.name))

    def _hand_out(self) -> None:
        for worker in [worker for worker in self.workers if worker.ready and worker.number is None][: len(self.waiting)]:
            number = self.waiting.popleft()
            piece, worker.number = self.given[number].piece, number
            worker.connection.send({"number": number, "key": piece.job.key, "share": piece.share, "of": piece.of})

    def _replace(self) -> None:
        """Starts workers in place of those that ended, while there is work for them."""
        if time.monotonic() - self.polled < self.launcher.poll:
            return
        self.polled = time.monotonic()
        living = self.launcher.living()
        if self.patient and not self.workers and self.polled - self.opened > LONG_WAIT:
            self.patient = False
            log.warning("no worker has come yet; %s of them wait for a place or start", "some" if living is None else living)
        lacking = 0 if living is None else min(self.places, len(self.given)) - max(living, len(self.workers))
        if lacking <= 0:
            return
        if self.replacements > 0 and not (self.refusal and not self.workers):
            self.replacements -= lacking
            self.launcher.start(lacking, self.path)
        elif not self.workers and not living:
            raise MissingError(
                self.refusal or f"no worker could be reached: {self.launcher.last_words() or 'they ended at once'}."
            )

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        """Lets workers go; at an interrupt those that are at shards finish them first, if they soon do."""
        for worker in self.workers:
            worker.connection.send({"end" if kind is None else "stop": True})
        until = time.monotonic() + (2 * PATIENCE if kind in (None, Interrupted) else 0)
        try:
            while time.monotonic() < until and any(kind is None or self._at_shards(worker) for worker in self.workers):
                self.wait(())
        finally:
            self._close()

    def _at_shards(self, worker: _Worker) -> bool:
        return worker.number is not None and worker.number in self.given and self.given[worker.number].begun

    def _close(self) -> None:
        self.launcher.stop()
        self.server.close()
        for worker in self.workers:
            worker.connection.close()
        self.path.unlink(missing_ok=True)
