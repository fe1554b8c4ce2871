"""Ways to get artefacts made. They differ only in how they call `Builder.make`, once for each that is missing."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty
from typing import Any

from robustmel.errors import RobustMELError
from robustmel.run.builder import Builder
from robustmel.run.interrupt import Flag, Interrupted, listening
from robustmel.run.jobs import Job
from robustmel.run.store import Store

Watch = Callable[[Job, int, int], None]
"""Called with (job, pieces done, pieces in all)."""


@dataclass(frozen=True)
class Setting:
    """What a worker process needs to build its own builder."""

    store: Store
    device: str
    threads: int


def execute(jobs: Iterable[Job], builder: Builder, workers: int, watch: Watch) -> int:
    """Makes the artefacts that are missing, in an order in which each finds what it needs.

    Args:
        jobs: All that are wanted; those that exist are left alone.
        builder: Of this process.
        workers: 1 makes them here; more, in that many processes. The artefacts are the same either way.
        watch: Told of progress.

    Returns:
        How many were made.

    Raises:
        Interrupted: The user asked to stop; what was finished is kept.
    """
    missing = [job for job in jobs if not builder.store.has(job.kind, job.key)]
    if workers <= 1 or len(missing) <= 1:
        _here(missing, builder, watch)
    else:
        _in_processes(missing, builder, workers, watch)
    return len(missing)


def _stopping(flag: Flag, tell: Callable[[int, int], None]) -> Callable[[int, int], None]:
    def progress(done: int, of: int) -> None:
        tell(done, of)
        if flag.is_set():
            raise Interrupted

    return progress


def _here(missing: list[Job], builder: Builder, watch: Watch) -> None:
    flag = threading.Event()
    with listening(flag):
        for job in missing:
            watch(job, 0, 1)
            builder.make(job, _stopping(flag, lambda done, of, job=job: watch(job, done, of)))  # type: ignore[misc]
            watch(job, 1, 1)
            if flag.is_set():
                raise Interrupted


_worker: dict[str, Any] = {}


def _begin(setting: Setting, flag: Flag, told: Any) -> None:
    """Runs once in each worker: the parent alone listens to Ctrl-C, and a worker does not outlive it."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    import torch

    torch.set_num_threads(setting.threads)
    _worker.update(builder=Builder(setting.store, setting.device), flag=flag, told=told)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _make(job: Job) -> None:
    told = _worker["told"]
    told.put((job.key, 0, 1))  # begun: what waits in the queue is not
    _worker["builder"].make(job, _stopping(_worker["flag"], lambda done, of: told.put((job.key, done, of))))


def _in_processes(missing: list[Job], builder: Builder, workers: int, watch: Watch) -> None:
    context = multiprocessing.get_context("spawn")  # forking after torch has started its threads may hang
    flag, told = context.Event(), context.Queue()
    threads = max(1, (os.cpu_count() or 1) // workers)
    setting = Setting(builder.store, builder.device, threads)
    pool = ProcessPoolExecutor(min(workers, len(missing)), context, initializer=_begin, initargs=(setting, flag, told))
    jobs = {job.key: job for job in missing}
    with listening(flag), _orderly(pool, flag):
        waiting, running = dict(jobs), dict[Future[None], Job]()
        while waiting or running:
            for job in _ready(waiting, running.values()):
                running[pool.submit(_make, waiting.pop(job.key))] = job
            finished, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            for key, done, of in _drain(told):
                watch(jobs[key], done, of)
            if flag.is_set():
                raise Interrupted
            for future in finished:
                job = running.pop(future)
                _result(future, job)
                watch(job, 1, 1)


def _ready(waiting: dict[str, Job], running: Iterable[Job]) -> list[Job]:
    """Jobs none of whose needs is still to come."""
    coming = waiting.keys() | {job.key for job in running}
    return [job for job in waiting.values() if not any(need.key in coming for need in job.needs)]


def _drain(told: Any) -> Iterator[tuple[str, int, int]]:
    while True:
        try:
            yield told.get_nowait()
        except Empty:
            return


def _result(future: Future[None], job: Job) -> None:
    try:
        future.result()
    except BrokenProcessPool as problem:
        raise RobustMELError(
            f"a worker process died while making: {job.title} (killed, or out of memory?). The same command goes on from the last"
            " finished batch; fewer --workers need less memory."
        ) from problem


@contextmanager
def _orderly(pool: ProcessPoolExecutor, flag: Flag) -> Iterator[None]:
    """Lets running jobs end their batch; at a second request or an error kills what is left."""
    workers = list((pool._processes or {}).values())
    try:
        try:
            yield
        except Interrupted:
            workers = list((pool._processes or {}).values())
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    except Interrupted:
        raise
    except BaseException:
        flag.set()
        for process in {*workers, *(pool._processes or {}).values()}:
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
