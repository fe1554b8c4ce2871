"""A worker: a process on some machine that fetches pieces from the process that runs the grid, and does them.

`python -m robustmel.run.cluster.worker ORDER` is what Slurm starts; Ray calls `work`.
"""

import contextlib
import os
import platform
import queue
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from robustmel.errors import MissingError, RobustMELError, guarded
from robustmel.run.builder import Builder
from robustmel.run.cluster.connection import BEAT, Connection
from robustmel.run.cluster.order import PATIENCE, Order, plan_digest, read_order, releases
from robustmel.run.expand import expand
from robustmel.run.grid import parse_grid
from robustmel.run.interrupt import Interrupted, heed, stop_if_asked
from robustmel.run.jobs import Job
from robustmel.run.pieces import Piece
from robustmel.run.store import Store


def work(path: Path) -> int:
    """Does pieces until there are none; the exit code. The process ends with the connection: nobody waits for its work then.

    Raises:
        MissingError: The order is not seen here, or its writer cannot be reached.
    """
    order = read_order(path)
    try:
        connection = Connection(socket.create_connection((order.host, order.port), timeout=30))
    except OSError as problem:
        raise MissingError(f"{platform.node()} cannot reach {order.host}:{order.port} ({problem}): is the run over?") from None
    connection.end.settimeout(None)
    connection.send({"token": order.token, "worker": f"{platform.node()}, process {os.getpid()}"})
    pieces, stop, over = queue.SimpleQueue[dict[str, Any] | None](), threading.Event(), threading.Event()
    heed(stop)
    threading.Thread(target=_listen, args=(connection, pieces, stop, over), daemon=True).start()
    threading.Thread(target=_beat, args=(connection, over), daemon=True).start()
    try:
        with guarded():
            return _serve(order, connection, pieces)
    finally:
        over.set()
        connection.close()


def _serve(order: Order, connection: Connection, pieces: "queue.SimpleQueue[dict[str, Any] | None]") -> int:
    try:
        builder, jobs = _prepared(order)
    except RobustMELError as problem:
        connection.send({"refused": str(problem)})
        return problem.exit_code
    connection.send({"ready": True})
    while (asked := pieces.get()) is not None:
        number, piece = asked["number"], Piece(jobs[asked["key"]], asked["share"], asked["of"])

        def tell(done: int, of: int, number: int = number) -> None:
            connection.send({"number": number, "done": done, "of": of})

        try:
            _await(piece.job, builder.store)
            connection.send({"number": number, "made": piece.carry_out(builder, tell)})
        except Interrupted:
            connection.send({"number": number, "stopped": True})
            return 130
        except RobustMELError as problem:
            connection.send({"number": number, "failed": type(problem).__name__, "text": str(problem)})
        except Exception:
            connection.send({"number": number, "failed": "defect", "text": traceback.format_exc()})
    return 0


def _prepared(order: Order) -> tuple[Builder, dict[str, Job]]:
    """What does the pieces, and the artefacts by key, planned anew: so that a node that sees other files says so."""
    if releases() != order.releases:
        raise MissingError(
            f"{platform.node()} has {releases()}; the run is on {order.releases}. Install the same on every node."
        )
    import torch

    torch.set_num_threads(order.threads)
    try:
        os.chdir(order.folder)
    except OSError as problem:
        raise MissingError(f"{platform.node()} does not see the working folder {order.folder} ({problem}).") from None
    builder = Builder(Store(Path(order.store)), order.device)
    jobs = {job.key: job for job in expand(parse_grid(order.grid), builder).jobs}
    if plan_digest(jobs.values()) != order.plan:
        raise MissingError(
            f"{platform.node()} sees other data, models or libraries than the process that runs the grid: its plan has other keys."
            " Give every node the same files and the same releases of pillow, tokenizers and transformers."
        )
    return builder, jobs


def _await(job: Job, store: Store) -> None:
    """Returns once this node sees what a piece needs, which another node may just have made."""
    until = time.monotonic() + PATIENCE
    for need in job.needs:
        while not store.seen(need.kind, need.key):
            stop_if_asked()
            if time.monotonic() > until:
                raise MissingError(
                    f"{platform.node()} does not see {store.path(need.kind, need.key)}, which another node made."
                )
            time.sleep(0.2)


def _listen(
    connection: Connection, pieces: "queue.SimpleQueue[dict[str, Any] | None]", stop: threading.Event, over: threading.Event
) -> None:
    while (message := connection.receive()) is not None:
        if "key" in message:
            pieces.put(message)
        elif "stop" in message:
            stop.set()
            pieces.put(None)
        else:
            pieces.put(None)
    if not over.is_set():
        os._exit(1)


def _beat(connection: Connection, over: threading.Event) -> None:
    while not over.wait(BEAT):
        connection.send({"beat": True})


def main() -> int:
    """Of the command line: one argument, the order."""
    try:
        return work(Path(sys.argv[1]))
    except RobustMELError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return problem.exit_code


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
