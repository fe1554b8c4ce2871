"""Python processes that start at once: forks of one that has imported what the package imports.

Half of what a short command costs is importing torch and its like. `start` and `run` take the arguments of `python` (`-m MODULE ...` or
`-c CODE ...`) and give back what `subprocess.Popen` and `subprocess.run` do, as far as the tests use it. What a Python reads before it
imports anything (PYTHONHASHSEED), and what is imported at all, must be asked of a real one.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import types
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any

IMPORTED = (
    "transformers", "pandas", "matplotlib.backends.backend_svg", "pyarrow.parquet", "scipy.stats", "rich.progress", "jinja2",
    "robustmel.api", "robustmel.cli.commands", "robustmel.run.runs", "robustmel.report.build", "robustmel.report.plots",
    "robustmel.linkers.dual_encoder", "robustmel.training",
)  # fmt: skip
MESSAGE = 1 << 20
"""Bytes of a request, at most."""


class Process:
    """A running Python; `stdout` and `stderr` are text where they were asked for as pipes."""

    def __init__(self, arguments: Sequence[str], told: socket.socket, outputs: Mapping[str, IO[str] | None]) -> None:
        self.args, self.returncode, self._told = arguments, None, told.makefile("r")
        self.pid = int(self._told.readline())
        self.stdout, self.stderr = outputs["stdout"], outputs["stderr"]

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self.stdout, self.stderr):
            if pipe is not None:
                pipe.close()
        self.wait()

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(list(self.args), timeout or 0)
            self.returncode = int(self._told.readline())
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that it still writes."""
        said = ["", ""]

        def read(place: int, pipe: IO[str]) -> None:
            said[place] = pipe.read()

        readers = [
            threading.Thread(target=read, args=(place, pipe), daemon=True)
            for place, pipe in enumerate((self.stdout, self.stderr))
            if pipe is not None
        ]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
        return said[0], said[1]

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(
    arguments: Sequence[str],
    *,
    cwd: Path | str | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    start_new_session: bool = False,
) -> Process:
    """A process; files are those of `subprocess`, numbers of open files included."""
    closed, outputs = list[int](), dict[str, IO[str] | None]()
    files = [os.open(os.devnull, os.O_RDWR)] if stdin is None else [stdin]
    closed += files if stdin is None else []
    for name, asked, own in (("stdout", stdout, 1), ("stderr", stderr, 2)):
        outputs[name] = None
        if asked == subprocess.PIPE:
            reading, asked = os.pipe()
            outputs[name] = os.fdopen(reading, "r", encoding="utf-8", errors="replace")
            closed.append(asked)
        elif asked == subprocess.DEVNULL:
            asked = os.open(os.devnull, os.O_WRONLY)
            closed.append(asked)
        files.append(own if asked is None else asked)
    request = {
        "arguments": [os.fspath(word) for word in arguments],
        "cwd": os.fspath(cwd or Path.cwd()),
        "env": dict(os.environ if env is None else env),
        "session": start_new_session,
    }
    ours, theirs = socket.socketpair()
    with theirs:
        socket.send_fds(_server(), [json.dumps(request).encode()], [theirs.fileno(), *files])
    for file in closed:
        os.close(file)
    with ours:
        return Process(arguments, ours, outputs)


def run(
    arguments: Sequence[str], *, check: bool = False, capture_output: bool = True, timeout: float | None = None, **more: Any
) -> subprocess.CompletedProcess[str]:
    """What it said and how it ended."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} if capture_output else {}
    process = start(arguments, **pipes | more)
    said, told = process.communicate(timeout)
    ended = subprocess.CompletedProcess(list(arguments), process.wait(), said, told)
    if check:
        ended.check_returncode()
    return ended


@cache
def _server() -> socket.socket:
    """Where requests go; the process that gets them ends when this one does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for side in (ours, theirs):
        side.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MESSAGE)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    with theirs:
        subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()], env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    return ours


def serve(requests: socket.socket) -> dict[str, Any]:
    """Forks a process for every request; returns in those alone, with the request."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, files, _, _ = socket.recv_fds(requests, MESSAGE, 4)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            break
        for file in files:
            os.close(file)
    requests.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if child := os.fork():
        for file in files[1:]:
            os.close(file)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.write(files[0], f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n".encode())
        os._exit(0)
    return json.loads(message) | {"files": files}  # type: ignore[no-any-return]


def become(request: dict[str, Any]) -> list[str]:
    """Takes on the surroundings that were asked for, and says which process it is; what is to be run."""
    told, *streams = request["files"]
    for own, file in enumerate(streams):
        os.dup2(file, own)
        os.close(file)
    if request["session"]:
        os.setsid()
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    way, what, *rest = request["arguments"]
    sys.path[0] = request["cwd"] if way == "-m" else ""
    sys.argv = [way if way == "-c" else what, *rest]
    os.write(told, f"{os.getpid()}\n".encode())
    os.close(told)
    return [way, what]


if __name__ == "__main__":
    for module in IMPORTED:
        importlib.import_module(module)
    gc.freeze()
    way, what = become(serve(socket.socket(fileno=int(sys.argv[1]))))
    if way == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(what, "<string>", "exec"), vars(sys.modules["__main__"]))
