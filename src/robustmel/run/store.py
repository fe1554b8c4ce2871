"""Where artefacts lie: a folder each, under their key, complete and as they were written or not there at all."""

from __future__ import annotations

import json
import logging
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robustmel.errors import MissingError
from robustmel.images import file_digest
from robustmel.run.checksums import CHECKSUMS, read_checksums, write_checksums
from robustmel.run.keys import content_key, json_digest, pairs_key
from robustmel.run.locks import Lease, hold
from robustmel.run.writing import write_atomically, writing

if TYPE_CHECKING:
    from robustmel.run.jobs import Job

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
TIMED = ("log.parquet", "answers.parquet")
"""Tables that say how long things took, so that no two makings of an artefact are alike in them."""
SEALED = json.JSONEncoder(sort_keys=True)
"""Writes what the seal of a manifest is the digest of."""
SHARDS, EARLIER = "shards", "earlier.parquet"
"""What serves the making of an artefact alone: shards of an interrupted one, the table of one that is done again for its errors."""

IMAGES = "images/"
"""Where the images of a perturbed set lie, of which a run may leave few."""

RUNS = "runs"
"""Folder of the store that holds, for every run, what it rests on."""

ABSENT = "is not there"
UNSEALED = "has no checksums (an earlier version made it)"

Maker = Callable[[Path], dict[str, Any]]
"""Fills a folder and returns what the manifest shall say. It may find shards of an interrupted run there, and goes on from them."""


class Store:
    """Artefacts by kind and key, shared by any number of runs and processes.

    Beside an artefact's files lies the list of their digests; the manifest holds the digest of that list, and one of itself. What does
    not fit them does not exist.

    Args:
        root: The folder; made on first use.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, kind: str, key: str) -> Path:
        """Where an artefact lies, or would lie."""
        return self.root / kind / key[:2] / key

    def has(self, kind: str, key: str) -> bool:
        """Whether the artefact is there, and every file of it as it was written."""
        return self.fault(kind, key) is None

    def fault(self, kind: str, key: str) -> str | None:
        """Why an artefact does not exist, as words that follow its name; None where it does."""
        manifest, fault = checked(self.path(kind, key))
        if fault is not None:
            return fault
        if (other := manifest.get("key", key)) != key:  # an earlier version did not write it
            return f"holds another artefact ({other})"
        for upstream, content in manifest.get("made_of", {}).items():
            source = _read_manifest(place := self.path(*upstream.split("/")))
            if source.get("key", place.name) == place.name and source.get("content", content) != content:
                return f"was made from {upstream}, which has been recomputed since"
        return None

    def missing(self, jobs: Iterable[Job]) -> dict[str, Job]:
        """Those artefacts that do not exist, by key; what lies there and does not fit is named in a warning."""
        faults = {job.key: (job, self.fault(job.kind, job.key)) for job in jobs}
        unsealed = sum(fault == UNSEALED for _, fault in faults.values())
        if unsealed > 1:
            log.warning(
                "%d artefacts in %s have no checksums (an earlier version made them); they are recomputed", unsealed, self.root
            )
        for job, fault in faults.values():
            if fault not in (None, ABSENT) and not (fault == UNSEALED and unsealed > 1):
                log.warning("%s (%s): %s; it is recomputed", self.path(job.kind, job.key), job.title, fault)
        return {key: job for key, (job, fault) in faults.items() if fault is not None}

    def sound(self, kind: str, key: str, what: str) -> Path:
        """The folder of an artefact that is as it was written.

        Raises:
            MissingError: It is not; the sentence begins with `what` and names the file.
        """
        fault = self.fault(kind, key)
        if fault == ABSENT:
            raise MissingError(
                f"{what} is not in the store {self.root} ({key}). Run the grid again into it, or name the right one with --store."
            )
        if fault is not None:
            raise MissingError(f"{what} cannot be used: {self.path(kind, key)} {fault}. Run the grid again to recompute it.")
        return self.path(kind, key)

    def seen(self, kind: str, key: str) -> bool:
        """Whether this machine sees an artefact that another says is complete: a network file system may show it late."""
        return (self.path(kind, key) / MANIFEST).is_file()

    def manifest(self, kind: str, key: str) -> dict[str, Any]:
        """What the artefact says of itself; empty where it says nothing that can be relied on."""
        return _read_manifest(self.path(kind, key))

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
        while not self.has(kind, key):
            with writing(self.root, "choose another --store"), self._locked(kind, key) as lease:
                if self.has(kind, key):
                    return False
                try:
                    if self._make(kind, key, make, lease):
                        return True
                except OSError:
                    if lease.held():
                        raise  # else the new holder moved the folder away
        return False

    def _locked(self, kind: str, key: str) -> AbstractContextManager[Lease]:
        return hold(self.path(kind, key).with_name(key + ".lock"), f"artefact {kind}/{key}", wait=True)

    def _make(self, kind: str, key: str, make: Maker, lease: Lease) -> bool:
        final, partial = self.path(kind, key), self.partial(kind, key)
        if self.has(kind, key):
            return False  # the lease was lost before it could be used
        remove(final)  # if it is there, it is not as it was written: not an artefact any more
        partial.mkdir(parents=True, exist_ok=True)
        if checked(partial)[1] is not None:
            remove(partial / MANIFEST)
            facts = make(partial)
            if not lease.held():
                return False
            (partial / EARLIER).unlink(missing_ok=True)
            shutil.rmtree(partial / SHARDS, ignore_errors=True)
            write_manifest(partial, facts | {"key": key})
        try:
            partial.rename(final)
        except OSError:
            if not self.has(kind, key):
                raise
            shutil.rmtree(partial, ignore_errors=True)
            return False
        _sync(final.parent)
        return True

    def reopen(self, kind: str, key: str) -> int:
        """Makes an artefact unfinished again if rows of it failed in a way that may pass; how many. Its maker finds the others."""
        failed = int(self.manifest(kind, key).get("retry", 0))
        if failed:
            with self._locked(kind, key):
                if self.manifest(kind, key).get("kept", "all") != "all":
                    self.forget(kind, key)
                elif self.has(kind, key):
                    final, partial = self.path(kind, key), self.partial(kind, key)
                    (final / MANIFEST).unlink()
                    shutil.rmtree(partial, ignore_errors=True)
                    final.rename(partial)
                    (partial / (TIMED[0] if kind == "variant" else TIMED[1])).rename(partial / EARLIER)
        return failed

    def note(self, out: Path, jobs: Iterable[Job]) -> None:
        """Writes down that a run folder rests on these artefacts, so that upkeep leaves them to it."""
        place = os.path.relpath(out.resolve(), self.root.resolve())
        body = {"out": place, "artefacts": [(job.kind, job.key) for job in jobs]}
        (self.root / RUNS).mkdir(parents=True, exist_ok=True)
        write_atomically(self.root / RUNS / f"{content_key(place)}.json", json.dumps(body))

    def forget(self, kind: str, key: str) -> None:
        """Removes an artefact, its manifest first."""
        folder = self.path(kind, key)
        remove(folder / MANIFEST)
        remove(folder)


def remove(path: Path) -> None:
    """Removes whatever lies there, if anything; of a link the link alone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def checked(folder: Path) -> tuple[dict[str, Any], str | None]:
    """The manifest of a folder, and why that is no artefact, as words that follow its name; None where every file is as written."""
    if not os.path.lexists(folder / MANIFEST):
        return {}, ABSENT
    manifest = _read_manifest(folder)
    if not manifest:
        return {}, f"has a changed {MANIFEST}" if _sealed(folder) else UNSEALED
    for name, digest in _listed(folder, manifest):
        if (now := file_digest(f"{folder}/{name}")) != digest:
            return manifest, f"has lost {name}" if now == "missing" else f"has a changed {name}"
    return manifest, None


def write_manifest(folder: Path, facts: dict[str, Any]) -> None:
    """Seals an artefact: what is said of it, the digest of the list of its files' digests, and of all that one of its own.

    Of one that is sealed already, `facts` is its manifest with what changed. Where that has `left`, no other images are to be expected.
    What a killed process was just writing goes: it would be part of the content.
    """
    said = json.loads(json.dumps(facts))
    if "content" not in said:
        for unfinished in [name for name in _files(folder) if name.endswith(".tmp")]:
            (folder / unfinished).unlink(missing_ok=True)
        names = sorted(name for name in _files(folder) if name not in (MANIFEST, CHECKSUMS))
        write_checksums(folder, names)
        said["checksums"] = file_digest(folder / CHECKSUMS)
        said["content"] = pairs_key(pair for pair in read_checksums(folder) if pair[0] not in TIMED)
    sealed = said | {"seal": json_digest(said, SEALED)}
    write_atomically(folder / MANIFEST, json.JSONEncoder(indent=1, sort_keys=True).iterencode(sealed))


def _listed(folder: Path, manifest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every file of an artefact and its digest, one after the other; first the list itself, which is read once that was looked at."""
    if "files" not in manifest:
        yield CHECKSUMS, manifest["checksums"]
    left = manifest.get("left")
    for name, digest in (
        manifest["files"].items() if "files" in manifest else read_checksums(folder)
    ):  # an earlier version had no list
        if left is None or name in left or not name.startswith(IMAGES):
            yield name, digest


def _files(folder: Path, below: str = "") -> Iterator[str]:
    """The plain files of a folder as paths below it, none of them an object for longer than it is looked at."""
    with os.scandir(folder / below) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(folder, f"{below}{entry.name}/")
            elif entry.is_file():
                yield below + entry.name


def _read_manifest(folder: Path) -> dict[str, Any]:
    """A manifest that is as it was written; else an empty one."""
    content = _manifest_as_is(folder)
    seal = content.pop("seal", None) if isinstance(content, dict) else None
    return content if seal is not None and seal == json_digest(content, SEALED) else {}


def _sealed(folder: Path) -> bool:
    """Whether a manifest was meant to carry checksums: one of an earlier version is a whole table without them."""
    content = _manifest_as_is(folder)
    return not isinstance(content, dict) or not content or not content.keys().isdisjoint(("seal", "checksums", "files"))


def _manifest_as_is(folder: Path) -> Any:
    try:
        if not stat.S_ISREG((folder / MANIFEST).stat().st_mode):
            return None  # a pipe or a device would be read for ever
        return json.loads((folder / MANIFEST).read_text("utf-8"))  # its bytes are gone before it is parsed
    except (OSError, ValueError, RecursionError):
        return None


def _sync(folder: Path) -> None:
    with suppress(OSError):  # not every file system lets a folder be synchronised
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
