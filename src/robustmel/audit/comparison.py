"""An image of a set beside its clean one, looked at once: what is kept of it does not grow with its pixels."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from robustmel.audit.audited_image import AuditedImage
from robustmel.audit.change import Change, eight_bits, measure
from robustmel.audit.jpeg_traces import jpeg_quality
from robustmel.audit.pairing import Folder
from robustmel.errors import ImageError

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Compared:
    """What was seen of one image.

    Args:
        pixels: Hash of its pixels as 8 bits.
        clean_pixels: Of the clean image's; None where there is none that can be read.
        change: From the clean one; None likewise.
        jpeg: Whether it was stored as JPEG after its change.
        quality: At about which quality, where that can be seen.
        outside: Whether it holds values outside the pixel range.
        off_grid: Whether it holds values between the levels of 8 bits.
    """

    pixels: str
    clean_pixels: str | None
    change: Change | None
    jpeg: bool
    quality: int | None
    outside: bool
    off_grid: bool


def compare(
    ours: Folder, theirs: Folder, pairs: Mapping[str, str], progress: Progress
) -> tuple[dict[str, Compared], dict[str, str]]:
    """Every image of a set that can be read; and name -> why, of those that cannot."""
    compared: dict[str, Compared] = {}
    broken: dict[str, str] = {}
    for number, name in enumerate(ours.names(), 1):
        try:
            image = ours.read(name)
        except ImageError as problem:
            broken[name] = str(problem)
            continue
        try:
            compared[name] = _compared(image, theirs.read(pairs[name]) if name in pairs else None)
        except ImageError:
            compared[name] = _compared(image, None)
        progress(number, len(ours.names()))
    return compared, broken


def _compared(image: AuditedImage, clean: AuditedImage | None) -> Compared:
    change = None if clean is None else measure(image, clean)
    alike = clean is not None and change is not None and not change.resized and not change.nothing
    quality = jpeg_quality(eight_bits(image), eight_bits(clean)) if alike and clean is not None else None
    return Compared(
        _hash(image),
        None if clean is None else _hash(clean),
        change,
        (image.kind == "JPEG" and alike) or quality is not None,
        quality,
        image.outside,
        not image.eight_bit,
    )


def _hash(image: AuditedImage) -> str:
    shape = repr(image.levels.shape).encode()
    return hashlib.blake2b(shape + eight_bits(image).tobytes(), digest_size=16).hexdigest()
