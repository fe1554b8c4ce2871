"""Boxes around what a mention shows, and pictures cut out along them, kept in the cache."""

import hashlib
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from robustmel.errors import ImageError
from robustmel.images import decode, write_png
from robustmel.records.load_report import LoadReport
from robustmel.types import Mention
from robustmel.world.materialise import cache_folder

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""


def clipped(box: Box, size: tuple[int, int] | None) -> Box | None:
    """The part of a box that lies inside an image; None where that is empty or a bound is not finite.

    Args:
        box: As the files state it.
        size: Width and height of the image in pixels; None where it is not known: then only what is negative is cut off.
    """
    if not all(map(math.isfinite, box)):
        return None
    width, height = size or (math.inf, math.inf)
    left, top, right, bottom = box
    left, top, right, bottom = max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))
    return (left, top, right, bottom) if left < right and top < bottom else None


def pixel_box(box: Box) -> tuple[int, int, int, int]:
    """The smallest box of whole pixels around a box."""
    return math.floor(box[0]), math.floor(box[1]), math.ceil(box[2]), math.ceil(box[3])


def cropped(mentions: Sequence[Mention], report: LoadReport) -> tuple[Mention, ...]:
    """The mentions with the part of their picture that lies in their box; a mention without either keeps what it has.

    Counts `not_cropped`: no box, or a picture that is missing or broken (it stays that, and gets its error row).
    """
    folder = cache_folder() / "crops"
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        crops = list(pool.map(lambda mention: _crop(mention, folder), mentions))
    for mention, path in zip(mentions, crops, strict=True):
        if path is None:
            report.remark("not_cropped", mention.id)
    return tuple(
        mention if path is None else replace(mention, image=path, box=None)
        for mention, path in zip(mentions, crops, strict=True)
    )


def _crop(mention: Mention, folder: Path) -> Path | None:
    if mention.image is None or mention.box is None:
        return None
    try:
        status = mention.image.stat()
        left, top, right, bottom = pixel_box(mention.box)
        of = f"{mention.image.resolve()}\x00{status.st_size}\x00{status.st_mtime_ns}\x00{left},{top},{right},{bottom}"
        path = folder / f"{hashlib.blake2b(of.encode('utf-8', 'replace'), digest_size=16).hexdigest()}.png"
        if not path.is_file():
            write_png(path, decode(mention.image)[top:bottom, left:right])
    except (OSError, ImageError):
        return None
    return path
