"""A folder that appears whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from robustmel.errors import MissingError

CHECKSUMS = "checksums.sha256"


@contextmanager
def appearing(out: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `out` when all is done; an unfinished one is removed.

    Raises:
        MissingError: `out` is there already, or cannot be written.
    """
    if out.exists():
        raise MissingError(f"{out} is there already; choose another --out, or remove it.")
    unfinished = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        unfinished.replace(out)
    except OSError as problem:
        raise MissingError(f"{out} cannot be written: {problem.strerror or problem}.") from problem
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def checksums(folder: Path) -> dict[str, str]:
    """Path below the folder -> SHA-256, for every file, in order."""
    found = {}
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        with path.open("rb") as file:
            found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def write_checksums(folder: Path) -> dict[str, str]:
    """Writes what `sha256sum -c` reads; returns it."""
    found = checksums(folder)
    (folder / CHECKSUMS).write_text("".join(f"{digest}  {name}\n" for name, digest in found.items()), "utf-8")
    return found
