"""What a layout tells folders and files by."""

from __future__ import annotations

from pathlib import Path


def first_folder(base: Path, *names: str) -> Path:
    """The first of these folders that is there; where none is, the first, for messages about what is missing."""
    return next((base / name for name in names if (base / name).is_dir()), base / names[0])


def starts_with(file: Path, first: bytes) -> bool:
    """Whether a file begins with these bytes, white space and a byte-order mark left out; False where it cannot be read."""
    try:
        with file.open("rb") as opened:
            head = opened.read(4096)
    except OSError:
        return False
    return b"".join(head.removeprefix(b"\xef\xbb\xbf").split())[: len(first)] == first
