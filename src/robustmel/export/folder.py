"""Checksums of a folder, as `sha256sum -c` reads them."""

from __future__ import annotations

import hashlib
from pathlib import Path

CHECKSUMS = "checksums.sha256"


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
