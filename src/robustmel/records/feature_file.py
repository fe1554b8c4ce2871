"""An HDF5 file of image features: one vector an image, under its name or its address."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from robustmel.errors import MissingError


class FeatureFile:
    """One vector an image. An address as key became nested groups ("https:" / "upload.wikimedia.org" / ...).

    Links inside the file are not followed, so that it cannot make anything else on the disk be read.

    Args:
        file: Its path.

    Raises:
        MissingError: It cannot be read, or h5py is not installed.
    """

    def __init__(self, file: Path) -> None:
        try:
            import h5py  # type: ignore[import-untyped]
        except ImportError as problem:
            raise MissingError(f'{file} is an HDF5 file; pip install "robustmel[hdf5]" to read it.') from problem
        self._h5py: Any = h5py
        try:
            self._opened: Any = h5py.File(file, "r")
        except OSError as problem:
            raise MissingError(f"{file} cannot be read as HDF5: {problem}.") from problem

    def __enter__(self) -> "FeatureFile":
        return self

    def __exit__(self, *problem: object) -> None:
        self._opened.close()

    def lacking(self, keys: Iterable[str]) -> set[str]:
        """Those of the names or addresses under which no vector lies."""
        return {key for key in keys if self._vector(key) is None}

    def _vector(self, key: str) -> Any:
        place: Any = self._opened
        for part in filter(None, key.split("/")):
            if not isinstance(place, self._h5py.Group) or not isinstance(place.get(part, getlink=True), self._h5py.HardLink):
                return None
            place = place[part]
        whole = isinstance(place, self._h5py.Dataset) and place.ndim == 1 and place.dtype.kind == "f"
        return place if whole else None
