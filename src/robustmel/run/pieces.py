"""A piece of work, who does it, and the executor that does it in this process."""

from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from robustmel.plug_ins.exceptions import blaming_plugins
from robustmel.plug_ins.process_settings import undisturbed
from robustmel.run.builder import Builder
from robustmel.run.interrupt import stop_if_asked
from robustmel.run.jobs import Job


@dataclass(frozen=True)
class Piece:
    """Shards `share`, `share + of`, `share + 2 * of`, ... of an artefact; without a share, all that is missing and the whole.

    A piece may be done twice, or lost: shards have names of their own, and whoever makes the whole does those that are missing.
    """

    job: Job
    share: int | None = None
    of: int = 1

    def carry_out(self, builder: Builder, progress: Callable[[int, int], None]) -> bool:
        """Does the piece in this process; whether that made the artefact."""

        def obedient(done: int, of: int) -> None:
            progress(done, of)
            stop_if_asked()

        with blaming_plugins(), undisturbed():  # here, since a traceback does not travel between processes
            if self.share is None:
                return builder.make(self.job, obedient)
            builder.make_share(self.job, self.share, self.of, obedient)
        return False


Tell = Callable[[Piece, int, int], None]
"""Called with (piece, shards done, shards in all)."""


class Executor(Protocol):
    """Does pieces. It is handed no more of them at once than it has places."""

    places: int

    def submit(self, piece: Piece) -> Future[bool]:
        """Begins a piece, or does it; the result is that of `Piece.carry_out`, or a `BrokenExecutor` where its worker died."""

    def wait(self, running: Collection[Future[bool]]) -> None:
        """Returns when one of them has finished, or after a moment, and has told what there was to tell."""


class ThisProcess:
    """Does a piece when it is submitted."""

    places = 1

    def __init__(self, builder: Builder, tell: Tell) -> None:
        self.builder, self.tell = builder, tell

    def submit(self, piece: Piece) -> Future[bool]:
        """Does the piece."""
        future: Future[bool] = Future()
        future.set_result(piece.carry_out(self.builder, lambda done, of: self.tell(piece, done, of)))
        return future

    def wait(self, running: Collection[Future[bool]]) -> None:
        """Nothing runs by now."""
