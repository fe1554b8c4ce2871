"""Whether pixels went through JPEG after they were changed, whatever their file is now."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from robustmel.images import Pixels

QUALITIES = range(30, 97)
"""Those looked for: above them JPEG changes hardly anything."""
WINDOW = 512
"""Pixels of each side that are looked at, from a corner of the grid on."""
COARSE = 4
"""Quantisation steps that are looked at: a finer one cannot be told from rounding to 8 bits."""
MOVED = 2.0
"""A coefficient counts where it differs by so much from the clean image's: of the others the trace may be the clean image's own."""
RESIDUE = 0.6
"""Mean distance from the grid of a quality, below which the image lies on it: rounding leaves 0.2 to 0.4, chance 1 or more."""
ALIKE = 1.2
"""Residues whose ratio is no more are alike."""
ENOUGH = 60
"""Coefficients without which nothing is said."""

Numbers = NDArray[np.float64]

# Luminance table of the standard (ITU-T T.81, annex K.1), row by row.
_TABLE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62], [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)  # fmt: skip
_LUMINANCE = np.array([0.299, 0.587, 0.114])


def jpeg_quality(pixels: Pixels, clean: Pixels) -> int | None:
    """The quality (to about 1) at which an image was stored as JPEG after its change; None where no trace of that is seen.

    JPEG leaves the cosine coefficients of each block of 8 x 8 pixels at multiples of its table's steps. Files with the standard
    luminance tables, of qualities up to 96, are recognised; no table of a camera's own is.

    Args:
        pixels: uint8 (H, W, 3).
        clean: The image before, of the same size.

    Source:
        Fan & de Queiroz, "Identification of Bitmap Compression History", IEEE TIP 12(2), 2003.
    """
    ours, unclipped = _coefficients(pixels)
    before, _ = _coefficients(clean)
    moved = (np.abs(ours - before) > MOVED) & unclipped[:, None, None]
    residues: dict[int, float] = {}
    for tried in QUALITIES:
        steps = quantisation(tried)
        asked = moved & (steps >= COARSE) & (np.abs(ours) > steps / 2)
        if asked.sum() < ENOUGH:
            continue
        multiples = np.rint(ours / steps) * steps
        residues[tried] = float(np.abs(ours - multiples)[asked].mean())
    least = min(residues.values(), default=RESIDUE)
    if least >= RESIDUE:
        return None
    # steps that divide others fit as well as those do: the coarsest table that fits is the file's own
    return min(quality for quality, residue in residues.items() if residue <= min(ALIKE * least, RESIDUE))


def quantisation(quality: int) -> NDArray[np.int64]:
    """The luminance table (8, 8) of a quality, 1 to 100, as libjpeg scales the standard's."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    table: NDArray[np.int64] = np.clip((_TABLE * scale + 50) // 100, 1, 255).astype(np.int64)
    return table


@cache
def _cosines() -> Numbers:
    place, frequency = np.arange(8), np.arange(8)[:, None]
    waves = np.cos((2 * place + 1) * frequency * np.pi / 16) / 2
    waves[0] /= np.sqrt(2)
    return np.asarray(waves)


def _coefficients(pixels: Pixels) -> tuple[Numbers, NDArray[np.bool_]]:
    """(n, 8, 8) coefficients of the luminance of every whole block, and (n,) whether none of its values is 0 or 255."""
    part = pixels[:WINDOW, :WINDOW]
    part = part[: part.shape[0] // 8 * 8, : part.shape[1] // 8 * 8]
    rows, columns = part.shape[0] // 8, part.shape[1] // 8
    blocks = part.reshape(rows, 8, columns, 8, 3).transpose(0, 2, 1, 3, 4).reshape(-1, 8, 8, 3)
    unclipped: NDArray[np.bool_] = np.all((blocks > 0) & (blocks < 255), axis=(1, 2, 3))
    luminance = blocks @ _LUMINANCE - 128
    coefficients: Numbers = _cosines() @ luminance @ _cosines().T
    return coefficients, unclipped
