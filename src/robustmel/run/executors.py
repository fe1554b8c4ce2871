"""Gets artefacts made: jobs are cut into pieces, and an executor does the pieces, here or elsewhere."""

import math
import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import BrokenExecutor, Future
from contextlib import AbstractContextManager, nullcontext

from robustmel.errors import RobustMELError
from robustmel.run.builder import Builder
from robustmel.run.interrupt import listening, stop_if_asked
from robustmel.run.jobs import Answers, Job, Variant
from robustmel.run.listener import ProgressListener
from robustmel.run.local_processes import LocalProcesses, stop_signal
from robustmel.run.pieces import Executor, Piece, ThisProcess


def execute(jobs: Iterable[Job], builder: Builder, workers: int, listener: ProgressListener) -> int:
    """Makes the artefacts that are missing, in an order in which each finds what it needs.

    Returns:
        How many this call made; those that another process made meanwhile do not count.

    Raises:
        Interrupted: The user asked to stop; what was finished is kept.
        RobustMELError: A worker process died.
    """
    missing = builder.store.missing(jobs)
    listener.planned(len(missing))
    schedule = _Schedule(missing, listener)
    executor: AbstractContextManager[Executor]
    if workers > 1 and (len(missing) > 1 or any(share_count(job, workers) > 1 for job in missing.values())):
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


class _Schedule:
    """Which pieces are to come, and how far those are that were begun."""

    def __init__(self, missing: dict[str, Job], listener: ProgressListener) -> None:
        self.waiting, self.begun, self.listener = dict(missing), dict[str, dict[int | None, tuple[int, int]]](), listener
        self.queue: deque[Piece] = deque()
        self.shares_left: dict[str, int] = {}

    def carry_out(self, executor: Executor) -> int:
        """Has all done; how many artefacts that made."""
        made, running = 0, dict[Future[bool], Piece]()
        while self.waiting or self.queue or running:
            self._cut(executor.places)
            while self.queue and len(running) < executor.places:
                piece = self.queue.popleft()
                if piece.job.key not in self.begun:
                    self.begun[piece.job.key] = {}
                    self.listener.begun(piece.job)
                running[executor.submit(piece)] = piece
            executor.wait(running)
            stop_if_asked()
            for future in [future for future in running if future.done()]:
                made += self._finished(running.pop(future), future)
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
        coming = self.waiting.keys() | self.shares_left.keys()
        for job in list(self.waiting.values()):
            if any(need.key in coming for need in job.needs):
                continue
            count = share_count(self.waiting.pop(job.key), places)
            self.shares_left[job.key] = count
            self.queue.extend([Piece(job, share, count) for share in range(count)] if count > 1 else [Piece(job)])

    def _finished(self, piece: Piece, future: Future[bool]) -> bool:
        try:
            made = future.result()
        except BrokenExecutor as problem:
            raise RobustMELError(
                f"a worker process died while making: {piece.job.title} (killed, or out of memory?). The same command goes on from"
                " the last finished batch; fewer --workers need less memory."
            ) from problem
        if piece.share is None:
            del self.shares_left[piece.job.key], self.begun[piece.job.key]
            self.listener.finished(piece.job)
            return made
        self.shares_left[piece.job.key] -= 1
        if not self.shares_left[piece.job.key]:
            self.queue.appendleft(Piece(piece.job))
        return False
