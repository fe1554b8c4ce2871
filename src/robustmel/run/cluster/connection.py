"""Messages between the process that runs a grid and its workers: lines of JSON, which no receiver executes."""

import json
import socket
import threading
from contextlib import suppress
from typing import Any

LONGEST = 1 << 20
"""Bytes of a message, at most."""
BEAT = 10.0
"""Seconds between two signs of life of a worker."""
SILENCE = 60.0
"""Seconds without one after which a worker counts as dead: its node may have lost power, which no connection tells."""


class Connection:
    """One end of a connection; any thread may send, one receives."""

    def __init__(self, end: socket.socket) -> None:
        self.end, self._lines, self._sending = end, end.makefile("rb"), threading.Lock()
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, message: dict[str, Any]) -> bool:
        """Whether the other end could still be reached."""
        try:
            with self._sending:
                self.end.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            return False
        return True

    def receive(self) -> dict[str, Any] | None:
        """The next message; None where the other end is gone, or does not speak as it should."""
        with suppress(OSError, ValueError, RecursionError):
            line = self._lines.readline(LONGEST)
            message = json.loads(line) if line.endswith(b"\n") else None
            return message if isinstance(message, dict) else None
        return None

    def close(self) -> None:
        """Ends it for both sides."""
        with suppress(OSError):
            self.end.shutdown(socket.SHUT_RDWR)
        self.end.close()
