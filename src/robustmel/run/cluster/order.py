"""The file in the store by which a worker learns what it is to do, and for whom."""

import json
import os
import platform
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from robustmel.errors import MissingError
from robustmel.run.jobs import Job
from robustmel.run.keys import content_key
from robustmel.version import __version__

PATIENCE = 60.0
"""Seconds in which a network file system must show a file that was written before."""


@dataclass(frozen=True)
class Order:
    """What a worker needs to know; its file is readable by its owner alone, since the token admits whoever shows it.

    Args:
        host: Where the process that runs the grid listens.
        port: Its port.
        token: Proves that a worker was sent by it.
        grid: The grid as a table.
        plan: Digest of the keys of all artefacts: a worker that sees other data or models comes to another one.
        folder: The working folder, which relative paths of the grid start from.
        store: The store.
        device: "auto", "cpu" or "cuda".
        threads: Of torch.
        releases: Of the package and of Python.
    """

    host: str
    port: int
    token: str
    grid: dict[str, Any]
    plan: str
    folder: str
    store: str
    device: str
    threads: int
    releases: str

    def write(self, out: Path) -> Path:
        """Writes it into the store, under a name of the run folder's own: what a killed run left is written over; the path."""
        path = Path(self.store) / "workers" / f"{content_key({'out': str(out.resolve())})}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file)
        return path


def read_order(path: Path) -> Order:
    """The order, which a node may see late.

    Raises:
        MissingError: It does not appear: the store is not shared with this node, or the run is over.
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return Order(**json.loads(path.read_text("utf-8")))
        except (OSError, ValueError) as problem:
            if time.monotonic() > until or not path.parent.is_dir():
                raise MissingError(
                    f"{platform.node()} does not see {path}: the run is over, or the store is not shared with this node under the"
                    f" same path ({problem})."
                ) from None
        time.sleep(0.5)


def plan_digest(jobs: Iterable[Job]) -> str:
    """Digest of the keys of all artefacts of a plan."""
    return content_key({"jobs": sorted(job.key for job in jobs)})


def releases() -> str:
    """Of the package and of Python, which all workers must share."""
    return f"robustmel {__version__} on Python {platform.python_version_tuple()[0]}.{platform.python_version_tuple()[1]}"
