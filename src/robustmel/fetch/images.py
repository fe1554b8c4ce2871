"""The images of a data set, fetched into the files it expects."""

import errno
import hashlib
import json
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from robustmel.at_once import at_once
from robustmel.errors import ImageError, MissingError
from robustmel.fetch.client import FetchError, ForbiddenError, PoliteClient
from robustmel.images import decode, is_there

AT_ONCE = 2
"""Files asked for at the same time."""
RENDERED = 500
"""Width in pixels in which drawings (SVG) are asked for as PNG; only some widths are served, this is one."""
RECORD = "fetched.jsonl"
_DRAWING = re.compile(r"^(https://upload\.wikimedia\.org/wikipedia/[a-z]+)/([0-9a-f]/[0-9a-f]{2}/([^/]+\.svg))$", re.IGNORECASE)

Progress = Callable[[int, int], None]


def fetch_images(
    addresses: Mapping[Path, str], client: PoliteClient, record: Path, progress: Progress | None = None
) -> Counter[str]:
    """Fetches every file that is not there yet; the same call goes on after an interruption.

    Each file appears whole or not at all, and only if it is an image. `record` gets one line an attempt: file, address, outcome,
    and SHA-256 and size of what was fetched.

    Args:
        addresses: File -> where it is fetched from.
        client: Asks.
        record: Folder of `fetched.jsonl`.
        progress: Told (done, all) after each file.

    Returns:
        Outcome -> files: "there" (already), "fetched", "not_fetched", "no_image".

    Raises:
        ForbiddenError: The server refuses us; what was fetched until then stays.
        MissingError: A file cannot be written.
    """
    outcomes: Counter[str] = Counter()
    wanted = {path: address for path, address in addresses.items() if not is_there(path)}
    outcomes["there"] = len(addresses) - len(wanted)
    record.mkdir(parents=True, exist_ok=True)
    writing, stopped = threading.Lock(), threading.Event()

    def fetch(named: tuple[Path, str]) -> str | None:
        path, address = named
        if stopped.is_set():
            return None
        try:
            line = _fetched(path, address, client)
        except ForbiddenError:
            stopped.set()
            raise
        with writing, (record / RECORD).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"file": path.name, "address": address} | line) + "\n")
        return str(line["outcome"])

    try:
        for done, outcome in enumerate(at_once(fetch, list(wanted.items()), AT_ONCE), start=1):
            outcomes[outcome or "not_fetched"] += 1
            if progress is not None:
                progress(outcomes["there"] + done, len(addresses))
    finally:
        stopped.set()  # what waits in the queue is not begun
    return outcomes


def _fetched(path: Path, address: str, client: PoliteClient) -> dict[str, object]:
    try:
        body = client.get(rendered(address) if path.suffix.lower() == ".png" else address)
    except FetchError as problem:
        return {"outcome": "not_fetched", "why": str(problem)}
    unfinished = path.with_name(f".{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(body)
        try:
            decode(unfinished)
        except ImageError as problem:
            return {"outcome": "no_image", "why": problem.kind}
        unfinished.replace(path)
    except OSError as problem:
        if problem.errno == errno.ENAMETOOLONG:
            return {"outcome": "not_fetched", "why": "the file system takes no name of this length"}
        raise MissingError(f"{path} cannot be written: {problem.strerror or problem}.") from problem
    finally:
        unfinished.unlink(missing_ok=True)
    return {"outcome": "fetched", "sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body)}


def rendered(address: str) -> str:
    """The address of a drawing's PNG, `RENDERED` pixels wide; any other address as it is."""
    match = _DRAWING.match(address)
    return f"{match[1]}/thumb/{match[2]}/{RENDERED}px-{match[3]}.png" if match else address
