"""The images of mentions, each file decoded once."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from robustmel.errors import ImageError
from robustmel.images import decode
from robustmel.linkers.preprocessing import Picture


class ImageRows:
    """Images in the order first met.

    Args:
        resized: A decoded picture -> uint8 (3, H, W).
        remarks: Counts what is left out.

    Attributes:
        images: One a row.
    """

    def __init__(self, resized: Callable[[Picture], Tensor], remarks: Counter[str]) -> None:
        self.images: list[Tensor] = []
        self._resized, self._remarks = resized, remarks
        self._rows: dict[Path, int] = {}

    def row(self, path: Path | None) -> int:
        """Where a file's image stands; -1 without one that can be used."""
        if path is None:
            self._remarks["mentions without an image"] += 1
            return -1
        if path not in self._rows:
            try:
                self.images.append(self._resized(decode(path)))
                self._rows[path] = len(self.images) - 1
            except ImageError as problem:
                self._rows[path] = -1
                self._remarks[f"images left out ({problem.kind})"] += 1
        return self._rows[path]
