"""The cluster that a run is spread over, as the user named it."""

from __future__ import annotations

import socket
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robustmel.run.cluster.launcher import launcher
from robustmel.run.cluster.options import ClusterOptions
from robustmel.run.cluster.order import Order, releases
from robustmel.run.cluster.workers import ClusterWorkers
from robustmel.run.interrupt import StopSignal
from robustmel.run.pieces import Tell
from robustmel.run.store import Store


@dataclass
class Cluster:
    """Where the pieces of a run are done.

    Args:
        options: The engine, and what a worker needs.
        out: The run folder.
        store: The store.
        device: "auto", "cpu" or "cuda", on the workers.
        grid: The grid as a table.
        plan: Digest of its plan.
        lost: Piece's title -> how often it failed or its worker was lost; counted during the run.
    """

    options: ClusterOptions
    out: Path
    store: Path
    device: str
    grid: dict[str, Any]
    plan: str
    lost: Counter[str] = field(default_factory=Counter)

    def workers(self, stop: StopSignal, tell: Tell) -> ClusterWorkers:
        """An executor that asks the engine for workers when it is entered."""
        options = self.options
        engine = launcher(options, self.out.absolute() / "workers")
        return ClusterWorkers(engine, self._order, Store(self.store), self.out, options.workers, options.tries, stop, tell)

    def _order(self, port: int, token: str) -> Order:
        return Order(
            host=self.options.host or socket.gethostname(),
            port=port,
            token=token,
            grid=self.grid,
            plan=self.plan,
            folder=str(Path.cwd()),
            store=str(self.store.absolute()),
            device=self.device,
            threads=self.options.cpus,
            releases=releases(),
        )
