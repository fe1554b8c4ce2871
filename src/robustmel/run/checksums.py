"""The list of an artefact's files and their digests, a line each as `sha256sum` writes it; never as a whole in memory."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from robustmel.images import file_digest
from robustmel.run.writing import write_atomically

CHECKSUMS = "checksums.txt"
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_ESCAPED = re.compile(r"\\(.)")


def write_checksums(folder: Path, names: Iterable[str]) -> None:
    """Lists the files of these names, which are paths below the folder.

    A name that would break its line has escapes, and a backslash in front of the digest says so.
    """
    write_atomically(folder / CHECKSUMS, (_line(file_digest(f"{folder}/{name}"), name) for name in names))


def read_checksums(folder: Path) -> Iterator[tuple[str, str]]:
    """Name and digest of every file in the list."""
    with (folder / CHECKSUMS).open(encoding="utf-8") as lines:
        for line in lines:
            digest, _, name = line.rstrip("\n").partition("  ")
            if digest.startswith("\\"):
                digest, name = digest[1:], _ESCAPED.sub(lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), name)
            yield name, digest


def _line(digest: str, name: str) -> str:
    escaped = "".join(_ESCAPES.get(letter, letter) for letter in name)
    return f"{digest}  {name}\n" if escaped == name else f"\\{digest}  {escaped}\n"
