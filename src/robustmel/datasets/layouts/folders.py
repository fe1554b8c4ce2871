"""What a layout tells folders and files by."""

from pathlib import Path


def first_folder(base: Path, *names: str) -> Path:
    """The first of these folders that is there; where none is, the first, for messages about what is missing."""
    return next((base / name for name in names if (base / name).is_dir()), base / names[0])
