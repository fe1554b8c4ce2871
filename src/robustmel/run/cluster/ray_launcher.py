"""Workers as tasks of Ray."""

import os
import socket
from pathlib import Path
from typing import Any

from robustmel.errors import MissingError
from robustmel.run.cluster.options import ClusterOptions


class RayLauncher:
    """Runs each worker as a task that lasts as long as the run; a task whose node is lost is started again elsewhere.

    Args:
        options: What a task asks for. The executor "ray" is the cluster that RAY_ADDRESS names or this machine belongs to, else one
            of this machine alone; "ray://HOST:PORT" the client port of a cluster.
    """

    poll = 1.0

    def __init__(self, options: ClusterOptions) -> None:
        try:
            import ray
        except ImportError:
            raise MissingError("--executor ray needs Ray; install robustmel[ray].") from None
        self.ray: Any = ray
        self.options, self.tasks, self._words = options, list[Any](), ""
        self.began = not ray.is_initialized()  # the settings of a second init are ignored: one that stands is used as it is
        if self.began:
            self._join(options.executor)
        self._check_size()

    def _join(self, executor: str) -> None:
        named = executor.removeprefix("ray://") if executor != "ray" else os.environ.get("RAY_ADDRESS", "")
        if ":" in named:
            _reach(*named.rsplit(":", 1))
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if executor != "ray":
            for tries_left in (2, 1, 0):  # its client server may take longer to begin a session than it waits itself
                try:
                    self.ray.init(address=executor, **quiet)
                    return
                except Exception as problem:  # Ray raises whatever its transport does
                    if not tries_left:
                        raise MissingError(f"no Ray cluster at {executor}: {_first_line(problem)}") from None
        try:
            self.ray.init(address="auto", **quiet)
        except ConnectionError:
            self.ray.init(num_cpus=self.options.workers * self.options.cpus, include_dashboard=False, **quiet)
        except Exception as problem:
            raise MissingError(f"the Ray cluster cannot be reached: {_first_line(problem)}") from None

    def _check_size(self) -> None:
        """A task that no node can hold would wait for ever."""
        nodes = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        asked = {"CPU": self.options.cpus, "GPU": self.options.gpus, **self.options.ray.resources}
        if not any(all(node.get(name, 0) >= amount for name, amount in asked.items()) for node in nodes):
            self.stop()
            raise MissingError(
                f"no node of the Ray cluster has {', '.join(f'{amount:g} {name}' for name, amount in asked.items() if amount)}."
            )

    def start(self, count: int, order: Path) -> None:
        """Submits so many tasks."""
        memory = {"memory": int(self.options.memory_gb * 2**30)} if self.options.memory_gb else {}
        task = self.ray.remote(
            num_cpus=self.options.cpus, num_gpus=self.options.gpus, resources=self.options.ray.resources or None, max_retries=0,
            max_calls=1, **memory,
        )(_work)  # fmt: skip
        self.tasks += [task.remote(str(order)) for _ in range(count)]

    def living(self) -> int | None:
        """Tasks that have not ended."""
        if not self.tasks:
            return 0
        ended, self.tasks = self.ray.wait(self.tasks, num_returns=len(self.tasks), timeout=0)
        for task in ended:
            try:
                self._words = self.ray.get(task) or self._words
            except Exception as problem:
                self._words = _first_line(problem)
        return len(self.tasks)

    def last_words(self) -> str:
        """What the last task returned or raised."""
        return self._words

    def stop(self) -> None:
        """Kills the tasks, and leaves the cluster that this process joined or began."""
        for task in self.tasks:
            self.ray.cancel(task, force=True)
        if self.began:
            self.ray.shutdown()


def _reach(host: str, port: str) -> None:
    """Finds out in seconds what Ray takes minutes to say."""
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError) as problem:
        raise MissingError(f"no Ray cluster at {host}:{port}: {problem}.") from None


def _work(order: str) -> str:
    """On a node: works, and says what went wrong."""
    from robustmel.errors import RobustMELError
    from robustmel.run.cluster.worker import work

    try:
        work(Path(order))
    except RobustMELError as problem:
        return str(problem)
    return ""


def _first_line(problem: Exception) -> str:
    return str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
