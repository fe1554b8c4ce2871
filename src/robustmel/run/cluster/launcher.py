"""How a cluster's engine starts workers and says how many of them there are."""

from pathlib import Path
from typing import Protocol

from robustmel.run.cluster.options import ClusterOptions


class Launcher(Protocol):
    """Starts workers by a cluster's engine."""

    poll: float
    """Seconds between two questions about `living`."""

    def start(self, count: int, order: Path) -> None:
        """Asks for so many more workers.

        Raises:
            MissingError: The engine refuses: no such partition, no rights, no node that large.
        """

    def living(self) -> int | None:
        """Workers that wait for a place or run; None where the engine does not answer just now."""

    def last_words(self) -> str:
        """What the last worker that ended wrote, to explain why none can be reached; "" where nothing is known."""

    def stop(self) -> None:
        """Ends all workers, and whatever else was started."""


def launcher(options: ClusterOptions, logs: Path) -> Launcher:
    """The launcher of an engine.

    Raises:
        MissingError: The engine is not installed, or its cluster cannot be reached.
    """
    if options.executor == "slurm":
        from robustmel.run.cluster.slurm_launcher import SlurmLauncher

        return SlurmLauncher(options, logs)
    from robustmel.run.cluster.ray_launcher import RayLauncher

    return RayLauncher(options)
