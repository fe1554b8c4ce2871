"""Gets artefacts made: jobs are cut into pieces, and an executor does the pieces, here or elsewhere."""

import logging
import math
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext

from robustmel.errors import MissingError, RobustMELError
from robustmel.run.builder import Builder
from robustmel.run.cluster.cluster import Cluster
from robustmel.run.interrupt import StopSignal, listening, stop_if_asked
from robustmel.run.jobs import Answers, Job, Variant
from robustmel.run.listener import ProgressListener
from robustmel.run.local_processes import LocalProcesses, stop_signal
from robustmel.run.pieces import Executor, Piece, ThisProcess

log = logging.getLogger(__name__)


def execute(
    jobs: Iterable[Job], builder: Builder, workers: int, listener: ProgressListener, cluster: Cluster | None = None
) -> int:
    """Makes the artefacts that are missing, in an order in which each finds what it needs.

    Args:
        jobs: All that are wanted.
        builder: Makes them, in this process.
        workers: Processes of this machine; without meaning for a cluster, which has its own number.
        listener: Told of progress.
        cluster: Does the pieces, instead of this machine.

    Returns:
        How many this call made; those that another process made meanwhile do not count.

    Raises:
        Interrupted: The user asked to stop; what was finished is kept.
        RobustMELError: A worker process died.
        MissingError: A cluster cannot be reached, or gave a piece up.
    """
    missing = builder.store.missing(jobs)
    listener.planned(len(missing))
    schedule = Schedule(missing, listener)
    executor: AbstractContextManager[Executor]
    if cluster is not None and missing:
        stop: StopSignal = threading.Event()
        schedule.tries, schedule.lost = cluster.options.tries, cluster.lost
        executor = cluster.workers(stop, schedule.report_progress)
    elif workers > 1 and (len(missing) > 1 or any(share_count(job, workers) > 1 for job in missing.values())):
        stop = stop_signal()
        executor = LocalProcesses(builder, workers, stop, schedule.report_progress)
    else:
        stop = threading.Event()
        executor = nullcontext(ThisProcess(builder, schedule.report_progress))
    with listening(stop), executor as places:
        return schedule.carry_out(places)


def share_count(job: Job, places: int) -> int:
    """Into how many shares an artefact is cut: each costs the loading of a linker and should be worth two batches at least."""
    if not isinstance(job, Variant | Answers) or (isinstance(job, Variant) and job.component.loaded.modality == "knowledge"):
        return 1
    return max(1, min(places, math.ceil(job.candidates.count / (2 * job.batch_size))))


class Schedule:
    """Which pieces are to come, how far those are that were begun, and which were given up.

    Args:
        missing: The artefacts to make, by key.
        listener: Told of progress.

    `tries` is how often a piece is tried, on a cluster; None: a failure ends the run.
    """

    def __init__(self, missing: Mapping[str, Job], listener: ProgressListener) -> None:
        self.missing, self.begun, self.listener = missing, dict[str, dict[int | None, tuple[int, int]]](), listener
        self.needs = {key: {need.key for need in job.needs if need.key in missing} for key, job in missing.items()}
        self.needed_by: defaultdict[str, list[str]] = defaultdict(list)
        for key, needs in self.needs.items():
            for need in needs:
                self.needed_by[need].append(key)
        self.ready = deque(key for key, needs in self.needs.items() if not needs)
        self.queue: deque[Piece] = deque()
        self.shares_left: dict[str, int] = {}
        self.tries: int | None = None
        self.lost = Counter[str]()
        self.failures = Counter[tuple[str, int | None]]()
        self.given_up: dict[str, str] = {}

    def carry_out(self, executor: Executor) -> int:
        """Has all done; how many artefacts that made.

        Raises:
            MissingError: Pieces were given up; all that does not need them is made.
        """
        made, running = 0, dict[Future[bool], Piece]()
        while self.ready or self.queue or running:
            self._cut(executor.places)
            while self.queue and len(running) < executor.places:
                piece = self.queue.popleft()
                if piece.job.key in self.given_up:
                    continue
                if piece.job.key not in self.begun:
                    self.begun[piece.job.key] = {}
                    self.listener.begun(piece.job)
                running[executor.submit(piece)] = piece
            executor.wait(running)
            stop_if_asked()
            for future in [future for future in running if future.done()]:
                made += self._finished(running.pop(future), future)
        if self.given_up:
            raise MissingError(
                f"given up after {self.tries} tries: {'; '.join(self.given_up.values())}. All that does not need it is made; the same"
                " command tries it again."
            )
        return made

    def report_progress(self, piece: Piece, done: int, of: int) -> None:
        """Passes on how far an artefact is, over all its shares; those not yet begun are taken to be like the others."""
        if piece.job.key not in self.begun:
            return  # a worker's last words may come after the artefact is known to be made
        shares = self.begun[piece.job.key]
        shares[piece.share] = (done, of)
        if piece.share is None:
            self.listener.advanced(piece.job, done, of)
        else:
            whole = round(sum(each_of for _, each_of in shares.values()) * piece.of / len(shares))
            self.listener.advanced(piece.job, sum(share_done for share_done, _ in shares.values()), whole)

    def _cut(self, places: int) -> None:
        """Queues the pieces of jobs none of whose needs is still to come."""
        while self.ready:
            job = self.missing[self.ready.popleft()]
            count = share_count(job, places)
            self.shares_left[job.key] = count
            self.queue.extend([Piece(job, share, count) for share in range(count)] if count > 1 else [Piece(job)])

    def _finished(self, piece: Piece, future: Future[bool]) -> bool:
        try:
            made = future.result()
        except (BrokenExecutor, MissingError) as problem:
            self._failed(piece, problem)
            return False
        if piece.share is not None:
            self.shares_left[piece.job.key] -= 1
            if not self.shares_left[piece.job.key]:
                self.queue.appendleft(Piece(piece.job))
            return False
        del self.shares_left[piece.job.key], self.begun[piece.job.key]
        self.listener.finished(piece.job)
        for key in self.needed_by[piece.job.key]:
            self.needs[key].remove(piece.job.key)
            if not self.needs[key]:
                self.ready.append(key)
        return made

    def _failed(self, piece: Piece, problem: Exception) -> None:
        """Queues a piece again, on a cluster; what is tried in vain is left out, and with it what needs it.

        Raises:
            RobustMELError: A process of this machine failed.
        """
        title = piece.job.title
        if isinstance(problem, BrokenProcessPool):
            raise RobustMELError(
                f"a worker process died while making: {title} (killed, or out of memory?). The same command goes on from"
                " the last finished batch; fewer --workers need less memory."
            ) from problem
        if self.tries is None:
            raise problem
        self.lost[title] += 1
        self.failures[piece.job.key, piece.share] += 1
        failures = self.failures[piece.job.key, piece.share]
        why = f"lost {problem}" if isinstance(problem, BrokenExecutor) else f"failed: {problem}"
        if failures < self.tries:
            log.warning("%s: %s; trying again (%d of %d)", title, why, failures + 1, self.tries)
            self.queue.append(piece)
            return
        log.warning("%s: %s; given up", title, why)
        self.given_up[piece.job.key] = f"{title} ({why})"
