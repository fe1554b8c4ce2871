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
    """Features of images by the names of their files, which need not be there. Memory holds the names; features are read when asked for.

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
        self._file = Path(file).expanduser()
        with FeatureFile(self._file) as opened:
            keys, self.width = opened.keys()
        self._keys = {wikidiverse_name(key): key for key in keys if ":/" in key} | {key: key for key in keys}

    def read(self, path: Path) -> Tensor:
        """float32 (1, width): the features of one image.

        Raises:
            ImageError: There are none ("features_missing"), or they are no numbers ("features_not_finite").
            MissingError: The file is damaged, or there no more.
        """
        below = ("/".join(path.parts[first:]) for first in range(len(path.parts)))
        key = next((self._keys[name] for name in below if name in self._keys), None)
        if key is None:
            raise ImageError("features_missing", f"{self._file} has no features of {path.name}.")
        with FeatureFile(self._file) as opened:  # not held open: others may write to it meanwhile, and processes fork
            vector = opened.vector(key)
        if not np.isfinite(vector).all():
            raise ImageError("features_not_finite", f"{self._file}: the features of {key} are not all finite numbers.")
        return torch.from_numpy(vector)[None]

    def picture_features(self, pictures: Sequence[Tensor]) -> Tensor:
        """float32 (B, width): of images that were read."""
        return torch.cat(list(pictures))
