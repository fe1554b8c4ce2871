"""Every image of a data set opened once, in parallel."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from robustmel.datasets.perceptual_hash import ImageHash, image_hash
from robustmel.errors import ImageError
from robustmel.images import decode_with_notes, file_digest, is_there

Progress = Callable[[int, int], None]
"""Called with (images done, images in all)."""


@dataclass(frozen=True)
class ImageState:
    """What became of one image file.

    Args:
        problem: Kind of the `ImageError`; None where the image is sound.
        message: Its sentence; "" where the image is sound.
        notes: Conversions made when decoding.
        digest: Hash of the file's bytes; None where it was not read.
        look: What it looks like, for near-duplicates (see `looks.look`); None where it was not read, or shows hardly anything.
    """

    problem: str | None = None
    message: str = ""
    notes: tuple[str, ...] = ()
    digest: str | None = None
    look: ImageHash | None = None


def image_states(paths: Iterable[Path], decoding: bool, progress: Progress | None = None) -> dict[Path, ImageState]:
    """The state of each file, whatever is wrong with it."""
    files = list(dict.fromkeys(paths))
    if not decoding:
        return {file: ImageState(*(() if is_there(file) else ("image_missing", f"no image {file}."))) for file in files}
    states: dict[Path, ImageState] = {}
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for done, (file, state) in enumerate(zip(files, pool.map(_state, files), strict=True), start=1):
            states[file] = state
            if progress is not None:
                progress(done, len(files))
    return states


def _state(file: Path) -> ImageState:
    try:
        pixels, notes = decode_with_notes(file)
        return ImageState(notes=notes, digest=file_digest(file), look=image_hash(pixels))
    except ImageError as problem:
        return ImageState(problem.kind, str(problem))
