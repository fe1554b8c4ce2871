"""What is being made, on the error stream: bars on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from robustmel.run.listener import ProgressListener

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from robustmel.run.jobs import Job

QUIET = 30.0
"""Seconds at least between two lines about one artefact."""


@contextmanager
def shown() -> Iterator[ProgressListener]:
    """A listener for `execute` that shows how far each artefact is, how many of all are made, and the time left."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as display:
        yield _Bars(display)


class _Bars(ProgressListener):
    """A bar for all artefacts, and one for each that is being made."""

    def __init__(self, display: Progress) -> None:
        self.display, self.all, self.made, self.count = display, display.add_task("artefacts made", total=None), 0, 0
        self.bars: dict[str, TaskID] = {}

    def planned(self, count: int) -> None:
        self.count = count
        self._show()

    def begun(self, job: Job) -> None:
        self.bars[job.key] = self.display.add_task(job.title, total=None)

    def advanced(self, job: Job, done: int, of: int) -> None:
        self.display.update(self.bars[job.key], completed=done, total=of)

    def finished(self, job: Job) -> None:
        self.display.remove_task(self.bars.pop(job.key))
        self.made += 1
        self._show()

    def _show(self) -> None:
        said = f"{self.made} of {self.count} artefacts made"
        self.display.update(self.all, description=said, completed=self.made if self.count else 1, total=self.count or 1)


class _Lines(ProgressListener):
    """A line for each artefact that is begun, and at most every `QUIET` seconds one about each that takes long."""

    def __init__(self) -> None:
        self.count, self.started = 0, 0
        self.since: dict[str, tuple[float, float, int]] = {}
        """Key -> when its first shard was begun, when a line last told of it, how many shards were done before."""

    def planned(self, count: int) -> None:
        self.count = count

    def begun(self, job: Job) -> None:
        self.started += 1
        print(f"[{self.started:>{len(str(self.count))}}/{self.count}] {job.title}", file=sys.stderr, flush=True)

    def advanced(self, job: Job, done: int, of: int) -> None:
        now = time.monotonic()
        begun, told, before = self.since.setdefault(job.key, (now, now, done))
        if now - told >= QUIET and before < done < of:
            self.since[job.key] = (begun, now, before)
            left = (now - begun) / (done - before) * (of - done)
            print(f"  {job.title}: {done / of:.0%} done, about {_duration(left)} left", file=sys.stderr, flush=True)


def _duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h 05 min`."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


@contextmanager
def counted(what: str) -> Iterator[Callable[[int, int], None]]:
    """A callback (done, of all) for work on many alike things: a bar on a terminal, a line for every tenth elsewhere."""
    if not sys.stderr.isatty():
        told = 0

        def line(done: int, of: int) -> None:
            nonlocal told
            if of >= 1000 and done * 10 // of > told:
                told = done * 10 // of
                print(f"{what}: {done:,} of {of:,}", file=sys.stderr, flush=True)

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        row = bars.add_task(what, total=None)
        yield lambda done, of: bars.update(row, completed=done, total=of)
