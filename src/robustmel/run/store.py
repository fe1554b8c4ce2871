"""Where artefacts lie: a folder each, under their key, complete or not there at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from robustmel.errors import MissingError
from robustmel.run.locks import Lease, hold

MANIFEST = "manifest.json"

Maker = Callable[[Path], dict[str, Any]]
"""Fills a folder and returns what the manifest shall say. It may find shards of an interrupted run there, and goes on from them."""


class Store:
    """Artefacts by kind and key, shared by any number of runs and processes.

    Args:
        root: The folder; made on first use.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, kind: str, key: str) -> Path:
        """Where an artefact lies, or would lie."""
        return self.root / kind / key[:2] / key

    def has(self, kind: str, key: str) -> bool:
        """Whether the artefact is complete: what has no manifest does not exist."""
        return (self.path(kind, key) / MANIFEST).is_file()

    def manifest(self, kind: str, key: str) -> dict[str, Any]:
        """What the artefact says of itself."""
        found: dict[str, Any] = json.loads((self.path(kind, key) / MANIFEST).read_text("utf-8"))
        return found

    def partial(self, kind: str, key: str) -> Path:
        """Where an artefact lies while it is made."""
        final = self.path(kind, key)
        return final.with_name(f"{final.name}.partial")

    def keep(self, kind: str, key: str, make: Maker) -> bool:
        """Makes an artefact where it is missing; whether this call made it.

        A second process that wants the same artefact waits for the first. The maker works in `<key>.partial`; the manifest is
        written last and the folder renamed, so a killed process leaves nothing that looks complete. A process whose lease was
        taken over while it made the artefact (it was suspended) leaves it to the one that took it.

        Raises:
            MissingError: The disk is full or cannot be written.
            Interrupted: The user asked to stop while this waited.
        """
        final = self.path(kind, key)
        while not self.has(kind, key):
            with (
                writing(self.root, "choose another --store"),
                hold(final.with_name(key + ".lock"), f"artefact {kind}/{key}", wait=True) as lease,
            ):
                if self.has(kind, key):
                    return False
                try:
                    if self._make(kind, key, make, lease):
                        return True
                except OSError:
                    if lease.held():
                        raise  # else the new holder moved the folder away
        return False

    def _make(self, kind: str, key: str, make: Maker, lease: Lease) -> bool:
        final, partial = self.path(kind, key), self.partial(kind, key)
        if self.has(kind, key):
            return False  # the lease was lost before it could be used
        if final.exists():  # emptied of its manifest: not an artefact any more
            shutil.rmtree(final)
        partial.mkdir(parents=True, exist_ok=True)
        if not (partial / MANIFEST).is_file():
            facts = make(partial)
            if not lease.held():
                return False
            write_atomically(partial / MANIFEST, json.dumps(facts, indent=1, sort_keys=True) + "\n")
        shutil.rmtree(partial / "shards", ignore_errors=True)
        try:
            partial.rename(final)
        except OSError:
            if not self.has(kind, key):
                raise
            shutil.rmtree(partial, ignore_errors=True)
            return False
        _sync(final.parent)
        return True

    def forget(self, kind: str, key: str) -> None:
        """Removes an artefact, its manifest first."""
        folder = self.path(kind, key)
        (folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def write_atomically(path: Path, text: str) -> None:
    """Writes a file so that it is there whole or not at all."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    with suppress(OSError):  # not every file system lets a folder be synchronised
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


@contextmanager
def writing(folder: Path, way_out: str = "choose another --out") -> Iterator[None]:
    """Turns a failure to write into one sentence that names the folder and the way out; one that names a file elsewhere is left."""
    try:
        yield
    except OSError as problem:
        if problem.filename and not Path(os.fsdecode(problem.filename)).is_relative_to(folder):
            raise
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise MissingError(
                f"no space left for {folder}: {problem.strerror}. Free some, or {way_out}; the same command goes on where this one"
                " stopped."
            ) from problem
        if problem.errno in (errno.EEXIST, errno.ENOTDIR):
            place = os.fsdecode(problem.filename or folder)
            raise MissingError(
                f"{place} cannot be a folder: a file or a link to nowhere is in its way; {way_out}."
            ) from problem
        if problem.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG):
            raise MissingError(f"cannot write to {folder}: {problem.strerror}; {way_out}.") from problem
        raise
