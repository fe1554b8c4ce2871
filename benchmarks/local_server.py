"""`transformers serve` on this machine: a real endpoint of the OpenAI protocol for the linker `chat`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import httpx2

NEEDED = ("fastapi", "uvicorn", "openai")
"""Packages of `transformers[serving]` without which it does not start."""


def why_not() -> str:
    """What is missing to start one; "" where nothing is."""
    absent = [name for name in NEEDED if find_spec(name) is None]
    return f"transformers serve needs {', '.join(absent)}: pip install 'transformers[serving]'" if absent else ""


@dataclass(frozen=True)
class LocalServer:
    """One that runs.

    Args:
        model: The name under which it answers: the model's folder.
        endpoint: Its base address.
        log: What it writes, a line a request among it.
    """

    model: str
    endpoint: str
    log: Path

    def requests(self, path: str = "/chat/completions") -> int:
        """Requests that it has answered, by its own log."""
        return self.log.read_text(errors="replace").count(f'"POST /v1{path} ')


@contextmanager
def served(model: Path, folder: Path, seconds: float = 200) -> Iterator[LocalServer]:
    """Serves a model's folder on a free port of the loopback, until the block ends.

    Args:
        model: In the Hugging Face layout.
        folder: For its log and settings.
        seconds: It must be up within so many.

    Raises:
        RuntimeError: It is not.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # LLaVA's template leaves the start token to the tokenizer; the decision endpoint cannot escape texts in front of it.
    (folder / "decision.json").write_text(json.dumps({"sanitize_control_tokens": False}))
    command = [
        sys.executable,
        "-m",
        "transformers.cli.transformers",
        "serve",
        str(model),
        "--host",
        "127.0.0.1",
        "--device",
        "cpu",
    ]
    command += ["--port", str(port), "--decision-config", str(folder / "decision.json")]
    log = folder / "serve.log"
    with log.open("wb") as written:
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT, env=environment)
    try:
        ends = time.monotonic() + seconds
        while not _healthy(port):
            if process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"transformers serve did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
        yield LocalServer(str(model), f"http://127.0.0.1:{port}/v1", log)
    finally:
        process.kill()
        process.wait()


def _healthy(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200
    except httpx2.HTTPError:
        return False
