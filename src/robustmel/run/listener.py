"""Receives progress: a display, a test, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from robustmel.run.jobs import Job


class ProgressListener:
    """Told of progress in the process that asked for the work; this one keeps silent, others override what they show."""

    def planned(self, count: int) -> None:
        """So many artefacts are missing; called once, first."""

    def begun(self, job: Job) -> None:
        """Work on an artefact has begun."""

    def advanced(self, job: Job, done: int, of: int) -> None:
        """`done` of its `of` shards (of its steps, for a training) are there; it may raise `Interrupted`."""

    def finished(self, job: Job) -> None:
        """The artefact is complete; nothing more is told of it."""
