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
        yield ProgressLines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as display:
        yield ProgressBars(display)


class ProgressBars(ProgressListener):
    """A bar for all artefacts, and one for each that is being made."""

    def __init__(self, display: Progress) -> None:
        self.display, self.bars = display, dict[str, TaskID]()
        self.all, self.made, self.count = display.add_task("artefacts made", total=None), 0, 0

    def planned(self, count: int) -> None:
        """Sets the length of the bar for all."""
        self.count = count
        self.display.update(
            self.all, total=max(count, 1), completed=0 if count else 1, description=f"0 of {count} artefacts made"
        )

    def begun(self, job: Job) -> None:
        """Adds its bar, without an end as long as nothing is known."""
        self.bars[job.key] = self.display.add_task(job.title, total=None)

    def advanced(self, job: Job, done: int, of: int) -> None:
        """Moves its bar."""
        self.display.update(self.bars[job.key], completed=done, total=of)

    def finished(self, job: Job) -> None:
        """Removes its bar."""
        self.made += 1
        self.display.remove_task(self.bars.pop(job.key))
        self.display.update(self.all, completed=self.made, description=f"{self.made} of {self.count} artefacts made")


class ProgressLines(ProgressListener):
    """A line for each artefact that is begun, and now and then one about those that take long."""

    def __init__(self) -> None:
        self.count, self.started = 0, 0
        self.since: dict[str, tuple[float, float, int]] = {}
        """Key -> when it was begun, when a line last told of it, how many shards were done before."""

    def planned(self, count: int) -> None:
        """Keeps the number of all."""
        self.count = count

    def begun(self, job: Job) -> None:
        """Prints its number and title."""
        self.started += 1
        print(f"[{self.started:>{len(str(self.count))}}/{self.count}] {job.title}", file=sys.stderr, flush=True)

    def advanced(self, job: Job, done: int, of: int) -> None:
        """Prints the share done and the time left, at most every `QUIET` seconds; the time is counted from the first shard."""
        now = time.monotonic()
        begun, told, before = self.since.setdefault(job.key, (now, now, done))
        if now - told >= QUIET and before < done < of:
            self.since[job.key] = (begun, now, before)
            left = (now - begun) / (done - before) * (of - done)
            print(f"  {job.title}: {done / of:.0%} done, about {_duration(left)} left", file=sys.stderr, flush=True)

    def finished(self, job: Job) -> None:
        """Forgets it."""
        self.since.pop(job.key, None)


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
