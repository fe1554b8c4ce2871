"""Features of images from a file, in place of a vision encoder: what GEMEL's authors published of their images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from robustmel.errors import ImageError
from robustmel.records.feature_file import FeatureFile
from robustmel.records.image_paths import wikidiverse_name


class StoredFeatures:
    """Features of images by the names of their files, which need not be there.

    Args:
        file: HDF5, one vector an image. The key is the image's path below its folder, or the address that it was fetched from.

    Attributes:
        width: Length of a feature.
        no_gradient: There is none down to pixels that nobody reads.

    Raises:
        MissingError: The file cannot be read, or holds anything but vectors of one length.
    """

    no_gradient = "it reads stored features in place of images"

    def __init__(self, file: str) -> None:
        self._file = file
        with FeatureFile(Path(file).expanduser()) as opened:
            vectors = opened.vectors()
        self.width = len(next(iter(vectors.values())))
        self._vectors = {wikidiverse_name(key): vector for key, vector in vectors.items() if ":/" in key} | vectors

    def read(self, path: Path) -> Tensor:
        """float32 (1, width): the features of one image.

        Raises:
            ImageError: There are none ("features_missing"), or they are no numbers ("features_not_finite").
        """
        below = ("/".join(path.parts[first:]) for first in range(len(path.parts)))
        key = next((name for name in below if name in self._vectors), None)
        if key is None:
            raise ImageError("features_missing", f"{self._file} has no features of {path.name}.")
        if not np.isfinite(self._vectors[key]).all():
            raise ImageError("features_not_finite", f"{self._file}: the features of {key} are not all finite numbers.")
        return torch.from_numpy(self._vectors[key])[None]

    def picture_features(self, pictures: Sequence[Tensor]) -> Tensor:
        """float32 (B, width): of images that were read."""
        return torch.cat(list(pictures))
