"""Features of images in HDF5 files, one vector an image (GEMEL's format)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustmel.errors import MissingError


@dataclass(frozen=True)
class Features:
    """A file of vectors by image name or address.

    An address as key became nested groups ("https:" / "upload.wikimedia.org" / ...), so keys cannot be listed, only asked for.

    Args:
        path: The file.
    """

    path: Path

    def missing(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys that have no vector.

        Raises:
            MissingError: The file cannot be read, or h5py is not installed.
        """
        with self._opened() as opened:
            return {key for key in keys if _vector(opened, key) is None}

    def __getitem__(self, key: str) -> NDArray[np.float32]:
        """float32 (D,).

        Raises:
            MissingError: There is no such vector, or the file cannot be read.
        """
        with self._opened() as opened:
            vector = _vector(opened, key)
            if vector is None:
                raise MissingError(f'{self.path} has no features of "{key}".')
            return np.asarray(vector[()], dtype=np.float32)

    def _opened(self) -> Any:
        try:
            import h5py  # type: ignore[import-untyped]
        except ImportError as problem:
            raise MissingError(f'{self.path} is an HDF5 file; pip install "robustmel[hdf5]" to read it.') from problem
        try:
            return h5py.File(self.path, "r")
        except OSError as problem:
            raise MissingError(f"{self.path} cannot be read as HDF5: {problem}.") from problem


def _vector(opened: Any, key: str) -> Any:
    """The one-dimensional data set under a key; links to other files are not followed."""
    import h5py

    place = opened
    for part in (one for one in key.split("/") if one):
        if not isinstance(place, h5py.Group) or not isinstance(place.get(part, getlink=True), h5py.HardLink):
            return None
        place = place[part]
    return place if isinstance(place, h5py.Dataset) and place.ndim == 1 and place.dtype.kind == "f" else None
