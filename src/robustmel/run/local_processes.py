"""The executor of `--workers`: processes of this machine, which end with it."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from queue import Empty
from types import TracebackType
from typing import Any, Self

from robustmel.errors import guarded
from robustmel.plug_ins.threads import PATIENCE
from robustmel.run.builder import Builder
from robustmel.run.interrupt import Interrupted, StopSignal, heed
from robustmel.run.pieces import Piece, Tell
from robustmel.run.store import Store

CONTEXT = multiprocessing.get_context("spawn")  # forking after torch has started its threads may hang
Name = tuple[str, int | None]
"""Of a piece: the artefact's key, and the share."""


def stop_signal() -> StopSignal:
    """One that the workers see too."""
    sys.warnoptions.append("ignore::UserWarning:multiprocessing.resource_tracker")  # it cleans up after a kill without a word
    resource_tracker.ensure_running()
    sys.warnoptions.pop()
    return CONTEXT.Event()


def threads(workers: int) -> int:
    """Threads of each of so many processes; of this one alone, what torch was given."""
    import torch

    return torch.get_num_threads() if workers == 1 else max(1, (os.cpu_count() or 1) // workers)


class LocalProcesses:
    """A pool of worker processes.

    At an interrupt it waits for the shards that are being done and for nothing else (a worker may be loading a model, or
    waiting for another run); at an error or a second interrupt it kills the workers, which costs the current shards at most.
    """

    def __init__(self, builder: Builder, workers: int, stop: StopSignal, tell: Tell) -> None:
        self.places, self.stop, self.tell = workers, stop, tell
        self.news = CONTEXT.Queue()
        arguments = (builder.store, builder.device, threads(workers), stop, self.news, CONTEXT.Value("i", 0))
        self.pool = ProcessPoolExecutor(workers, CONTEXT, initializer=_begin, initargs=arguments)
        self.running: dict[Name, tuple[Piece, Future[bool]]] = {}
        self.at_shards: set[Name] = set()

    def submit(self, piece: Piece) -> Future[bool]:
        """Hands a piece to a worker."""
        try:
            with _deaf():
                future = self.pool.submit(_carry_out, piece)
        except BrokenProcessPool as problem:
            future = Future()
            future.set_exception(problem)
        self.running[piece.job.key, piece.share] = (piece, future)
        return future

    def wait(self, running: Collection[Future[bool]]) -> None:
        """Until one has finished, or for a fifth of a second."""
        wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
        with suppress(Empty):
            while True:
                name, done, of = self.news.get_nowait()
                self.at_shards.add(name)
                self.tell(self.running[name][0], done, of)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        workers = list((self.pool._processes or {}).values())
        if kind is None:
            self.pool.shutdown(wait=False)
            for process in workers:
                process.join(PATIENCE)
                process.kill()  # where a thread of a plug-in keeps it: all pieces are done
            return
        self.stop.set()
        try:
            if kind is Interrupted:
                while busy := [
                    future for name, (_, future) in self.running.items() if name in self.at_shards and not future.done()
                ]:
                    self.wait(busy)
        finally:
            for process in workers:
                process.kill()
            self.pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf() -> Iterator[None]:
    """Workers started within are deaf to the terminal's Ctrl-C from their first moment; this process hears it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_worker: dict[str, Any] = {}


def worker_device(device: str, number: int) -> str:
    """Where the worker of that number, from 0, has its models: of several GPUs, workers take one each, in turn."""
    import torch

    count = torch.cuda.device_count() if device in ("auto", "cuda") else 0
    return f"cuda:{number % count}" if count > 1 else device


def _begin(store: Store, device: str, threads: int, stop: StopSignal, news: Any, begun: Any) -> None:
    """Runs once in each worker: the parent alone listens to Ctrl-C, and a worker does not outlive it."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    import torch

    torch.set_num_threads(threads)
    heed(stop)
    with begun.get_lock():
        number, begun.value = begun.value, begun.value + 1
    _worker.update(builder=Builder(store, worker_device(device, number)), news=news)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _carry_out(piece: Piece) -> bool:
    name, news = (piece.job.key, piece.share), _worker["news"]
    with guarded():
        return piece.carry_out(_worker["builder"], lambda done, of: news.put((name, done, of)))
