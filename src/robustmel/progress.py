"""What is being made, on the error stream: bars on a terminal, lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from robustmel.errors import guarded, printable
from robustmel.run.listener import ProgressListener

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

    from robustmel.run.jobs import Job

QUIET = 30.0
"""Seconds at least between two lines about one artefact."""


@contextmanager
def progress_display() -> Iterator[ProgressListener]:
    """A listener for `execute` that shows how far each artefact is, how many of all are made, and the time left."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.progress import TaskProgressColumn

    with _bars(TaskProgressColumn()) as display:
        yield _Bars(display)


class _Bars(ProgressListener):
    """A bar for all artefacts, and one for each that is being made."""

    def __init__(self, display: Progress) -> None:
        self.display, self.all, self.made, self.count = display, display.add_task("artefacts made", total=None), 0, 0
        self.bars: dict[str, TaskID] = {}

    def planned(self, count: int) -> None:
        self.count = self.made + count  # a listener may serve several runs, one after the other
        self._show()

    def begun(self, job: Job) -> None:
        self.bars[job.key] = self.display.add_task(printable(job.title), total=None)

    def advanced(self, job: Job, done: int, of: int) -> None:
        self.display.update(self.bars[job.key], completed=done, total=of)

    def finished(self, job: Job) -> None:
        self.display.remove_task(self.bars.pop(job.key))
        self.made += 1
        self._show()

    def _show(self) -> None:
        position = f"{self.made} of {self.count} artefacts made"
        self.display.update(self.all, description=position, completed=self.made if self.count else 1, total=self.count or 1)


class _Lines(ProgressListener):
    """A line for each artefact that is begun, and at most every `QUIET` seconds one about each that takes long."""

    def __init__(self) -> None:
        self.count, self.started = 0, 0
        self.paces: defaultdict[str, _Pace] = defaultdict(_Pace)

    def planned(self, count: int) -> None:
        self.count = self.started + count

    def begun(self, job: Job) -> None:
        self.started += 1
        print(f"[{self.started:>{len(str(self.count))}}/{self.count}] {job.title}", file=sys.stderr, flush=True)

    def advanced(self, job: Job, done: int, of: int) -> None:
        if news := self.paces[job.key].news(done, of):
            print(f"  {job.title}: {news}", file=sys.stderr, flush=True)


class _Pace:
    """How fast something goes on; told at most every `QUIET` seconds."""

    def __init__(self) -> None:
        self.began, self.before, self.last_line = math.inf, 0, 0.0

    def news(self, done: int, of: int) -> str:
        """The share done and the time left; "" where it is too early to say."""
        now = time.monotonic()
        if self.began > now:  # what was there from before says nothing of the speed
            self.began, self.before, self.last_line = now, done, now
        if now - self.last_line < QUIET or not self.before < done < of:
            return ""
        self.last_line = now
        left = (now - self.began) / (done - self.before) * (of - done)
        return f"{done / of:.0%} done, about {_duration(left)} left"


def _duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h 05 min`."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


@contextmanager
def counted(what: str) -> Iterator[Callable[[int, int], None]]:
    """A callback (done, of all) for work on many alike things: a bar on a terminal, a line every `QUIET` seconds elsewhere."""
    if not sys.stderr.isatty():
        pace = _Pace()

        def line(done: int, of: int) -> None:
            if news := pace.news(done, of):
                print(f"{what}: {done:,} of {of:,}, {news}", file=sys.stderr, flush=True)

        yield line
        return
    from rich.progress import MofNCompleteColumn

    with _bars(MofNCompleteColumn(), transient=True) as bars:
        row = bars.add_task(what, total=None, visible=False)
        # what is done before the display draws of itself is drawn at its end
        yield lambda done, of: bars.update(row, completed=done, total=of, visible=True, refresh=done >= of)


@contextmanager
def _bars(share: ProgressColumn, transient: bool = False) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    # Titles are others' texts: no markup is read in them, and what is printed meanwhile is made safe before rich sees it.
    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), share, TimeRemainingColumn())
    console = Console(file=getattr(sys.stderr, "unguarded", sys.stderr))
    with Progress(*columns, console=console, transient=transient) as display, guarded():
        yield display
