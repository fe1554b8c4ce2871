"""Pictures cut out along the boxes of mentions, kept in the cache."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from robustmel.datasets.boxes import pixel_box
from robustmel.errors import ImageError
from robustmel.images import decode, write_png
from robustmel.records.load_report import LoadReport
from robustmel.types import Mention
from robustmel.world.materialise import cache_folder


def cropped(mentions: Sequence[Mention], report: LoadReport) -> tuple[Mention, ...]:
    """The mentions with the part of their picture that lies in their box; a mention without either keeps what it has.

    Counts `not_cropped`: no box, or a picture that is missing or broken (it stays that, and gets its error row).
    """
    folder = cache_folder() / "crops"
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        made = list(pool.map(lambda mention: _crop(mention, folder), mentions))
    for mention, path in zip(mentions, made, strict=True):
        if path is None:
            report.remark("not_cropped", mention.id)
    return tuple(
        mention if path is None else replace(mention, image=path, box=None)
        for mention, path in zip(mentions, made, strict=True)
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
