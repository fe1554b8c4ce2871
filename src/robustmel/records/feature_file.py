"""An HDF5 file of image features: one vector an image, under its name or its address."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustmel.errors import MissingError
from robustmel.records.image_paths import wikidiverse_name


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
        self.file = file
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

    def by_image(self) -> dict[str, str]:
        """Name of an image file -> its key: the last part of the key, or the name that WikiDiverse gives the file of an address.

        A name that several keys come to is left out, as nobody can say which vector is meant.
        """
        keys: defaultdict[str, set[str]] = defaultdict(set)

        def note(key: str, item: Any) -> None:
            if isinstance(item, self._h5py.Dataset):
                for name in (key.rsplit("/", 1)[-1], wikidiverse_name(key)):
                    keys[name].add(key)

        self._opened.visititems(note)
        return {name: next(iter(same)) for name, same in keys.items() if len(same) == 1}

    def read(self, keys: Sequence[str]) -> list[NDArray[np.float32] | None]:
        """The vectors, float32 (width,) each; None where there is none, or where it holds a value that is no finite number."""
        vectors = [self._vector(key) for key in keys]
        read = [None if vector is None else np.asarray(vector[()], dtype=np.float32) for vector in vectors]
        return [vector if vector is not None and np.isfinite(vector).all() else None for vector in read]

    def _vector(self, key: str) -> Any:
        place: Any = self._opened
        for part in filter(None, key.split("/")):
            if not isinstance(place, self._h5py.Group) or not isinstance(place.get(part, getlink=True), self._h5py.HardLink):
                return None
            place = place[part]
        whole = isinstance(place, self._h5py.Dataset) and place.ndim == 1 and place.dtype.kind == "f"
        return place if whole else None
