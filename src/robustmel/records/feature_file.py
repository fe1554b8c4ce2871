"""An HDF5 file of image features: one vector an image, under its name or its address."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        self._file = file
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
        return {key for key in keys if not _is_vector(self._place(key))}

    def keys(self) -> tuple[list[str], int]:
        """Names and addresses of everything in the file, and the length of the vectors; none of them is read.

        Raises:
            MissingError: The file holds anything else, vectors of several lengths, or none.
        """
        lengths = {key: len(place) for key, place in self._datasets(self._opened, "")}
        length = next(iter(lengths.values()), 0)
        odd = next((key for key in lengths if lengths[key] != length), None)
        if not lengths or odd is not None:
            raise MissingError(
                f"{self._file} holds no features."
                if odd is None
                else f"{self._file} has {lengths[odd]} numbers for {odd} and {length} for others; one encoder must make all."
            )
        return list(lengths), length

    def vector(self, key: str) -> NDArray[np.float32]:
        """The vector (W,) under one of its `keys`.

        Raises:
            MissingError: It cannot be read, or is there no more.
        """
        try:
            values: NDArray[np.float32] = self._place(key)[()].astype(np.float32)
        except (OSError, TypeError) as problem:
            raise MissingError(f"{self._file}: the features of {key} cannot be read: {problem}.") from problem
        return values

    def _datasets(self, group: Any, above: str) -> Iterator[tuple[str, Any]]:
        for name in group:
            place = self._place(name, group)
            if isinstance(place, self._h5py.Group):
                yield from self._datasets(place, f"{above}{name}/")
            elif _is_vector(place):
                yield f"{above}{name}", place
            else:
                kind = "a link" if place is None else f"{place.dtype} of shape {place.shape}"
                raise MissingError(f"{self._file} has {kind} for {above}{name}; features are one vector of floats an image.")

    def _place(self, key: str, place: Any = None) -> Any:
        """What lies under a key; None where nothing does, or a link."""
        place = self._opened if place is None else place
        for part in filter(None, key.split("/")):
            if not isinstance(place, self._h5py.Group) or not isinstance(place.get(part, getlink=True), self._h5py.HardLink):
                return None
            place = place[part]
        return place


def _is_vector(place: Any) -> bool:
    return hasattr(place, "dtype") and place.ndim == 1 and place.dtype.kind == "f"
