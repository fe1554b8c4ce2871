"""What is being made, on the error stream: bars on a terminal, a line an artefact elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID

    from robustmel.run.executors import Watch
    from robustmel.run.jobs import Job


@contextmanager
def shown() -> Iterator[Watch]:
    """A callback for `execute` that shows how far each artefact is."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        whole = bars.add_task("artefacts made", total=None)
        rows: dict[str, TaskID] = {}
        made: set[str] = set()

        def watch(job: Job, done: int, of: int) -> None:
            if job.key in made:  # a worker's last words may come after the artefact is known to be made
                return
            if job.key not in rows:
                rows[job.key] = bars.add_task(job.title, total=of)
            bars.update(rows[job.key], completed=done, total=of)
            if done == of == 1:
                made.add(job.key)
                bars.remove_task(rows.pop(job.key))
                bars.advance(whole)

        yield watch


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


def _lines() -> Watch:
    begun: set[str] = set()

    def watch(job: Job, done: int, of: int) -> None:
        if job.key not in begun:
            begun.add(job.key)
            print(f"[{len(begun):>3}] {job.title}", file=sys.stderr, flush=True)

    return watch
