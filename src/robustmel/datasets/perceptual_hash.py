"""Images that look alike though their files differ: scaled, or saved anew."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ImageHash = tuple[int, int]
"""Two times 64 bits: where brightness rises from left to right, and from top to bottom, in a picture of 8 x 8."""

NEAR = 6
"""Bits of 128 that two pictures of one scene may differ in."""
CONTRAST = 4.0
"""Grey levels (of 255) by which an 8 x 8 picture must vary; in a flatter one the bits are noise."""
_CHUNK = 4_000_000


def image_hash(pixels: NDArray[np.uint8]) -> ImageHash | None:
    """The look of 8-bit pixels (H, W, 3); None for a picture that shows hardly anything.

    Source:
        Krawetz, "Kind of Like That" (2013): the difference hash, in both directions.
    """
    small = np.asarray(Image.fromarray(pixels).convert("L").resize((9, 9), Image.Resampling.BOX), dtype=np.int16)
    if small.std() < CONTRAST:
        return None
    across = np.packbits(small[:8, 1:] > small[:8, :8]).tobytes()
    down = np.packbits(small[1:, :8] > small[:8, :8]).tobytes()
    return int.from_bytes(across), int.from_bytes(down)


def nearest_hashes(looks: Sequence[ImageHash], others: Sequence[ImageHash]) -> list[int | None]:
    """For each look the place of the nearest of the others, if it is within `NEAR` bits; else None."""
    if not looks or not others:
        return [None] * len(looks)
    ours, theirs = np.array(looks, dtype=np.uint64), np.array(others, dtype=np.uint64)
    step = max(1, _CHUNK // len(theirs))
    places: list[int | None] = []
    for start in range(0, len(ours), step):
        differing = np.bitwise_count(ours[start : start + step, None, :] ^ theirs[None]).sum(axis=2, dtype=np.int16)
        nearest = differing.argmin(axis=1)
        places += [int(place) if differing[row, place] <= NEAR else None for row, place in enumerate(nearest)]
    return places
