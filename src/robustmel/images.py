"""Image files to 8-bit RGB and back, by one stated rule for every format and mode."""

import hashlib
import io
import os
import stat
import threading
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from robustmel.errors import ImageError, MissingError
from robustmel.image_files import CONVERT, PixelFile, exif_orientation, foreign_format, pixel_file, text_kind, tiff_samples

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""What is read, recognised by content; the file's extension says nothing."""

MAX_PIXELS = 50_000_000
"""Larger images are refused before their pixels are decoded."""

MAX_SIDE = 65_535
"""Pixels, the longest that JPEG knows: a line of pixels costs memory of its own, however short it is."""
MAX_BYTES = 512 * 2**20
"""Of the file."""

_TAG, _SLOT, _SLOTS = 16, 36, 1 << 17
_memo = bytearray(_SLOT * _SLOTS)
"""State of a file, as a hash, and the digest of its bytes; a later file in the same slot takes its place, so this never grows."""
_HEAD = 1 << 18
_BITS, _POLARITY, _SAMPLE_FORMAT = 258, 262, 339  # tags of TIFF
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

Pixels = NDArray[np.uint8]


class Decoded(NamedTuple):
    """An image and what was done to it.

    Args:
        pixels: uint8 (H, W, 3), RGB.
        notes: Conversions that changed more than the file's packing, in the order made ("alpha over white"); empty for an
            image that was 8-bit RGB as it lay there. They matter because the result is the clean input of every attack.
    """

    pixels: Pixels
    notes: tuple[str, ...]


def decode(path: str | Path, max_side: int | None = None) -> Pixels:
    """The pixels of an image file: uint8 (H, W, 3), RGB; `decode_with_notes` says how they were arrived at."""
    return decode_with_notes(path, max_side).pixels


def decode_with_notes(path: str | Path, max_side: int | None = None) -> Decoded:
    """Reads JPEG, PNG, WebP, GIF, BMP or TIFF as 8-bit RGB.

    Metadata decides about nothing but the orientation: odd or broken text, profiles and EXIF do no harm. The first frame is taken;
    the EXIF orientation is applied; transparency (alpha, palette or key colour) is laid over
    white, as is what a GIF's frame leaves free of its canvas; 16-bit channels are scaled to 8 (rounded for greyscale, the high byte for colour), never clipped; CMYK becomes
    RGB by its complement; colour profiles are not applied. 32-bit integers are read as 16-bit and 32-bit floats as [0, 1]
    where their values allow it, and refused otherwise.

    Args:
        path: The file.
        max_side: Longest side in pixels; a larger image is scaled down to it by Pillow's LANCZOS filter, a smaller one is
            left alone. None keeps every image at its own size.

    Raises:
        ImageError: `image_missing` (no such file, or not readable), `image_decode` (truncated, empty, or no image at all)
            or `image_refused` (another format, over `MAX_PIXELS` or `MAX_SIDE`, values of no known range).
    """
    path = Path(path)
    notes: list[str] = []
    try:
        image = _eight_bit_rgb(path, _opened(path, _read(path), notes), notes)
        if max_side is not None and max(image.size) > max_side:
            notes.append(f"scaled down from {image.width}x{image.height}")
            scale = max_side / max(image.size)
            smaller = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            image = image.resize(smaller, Image.Resampling.LANCZOS)
        return Decoded(np.array(image, dtype=np.uint8), tuple(notes))
    except ImageError:
        raise
    except MemoryError as problem:
        raise ImageError("image_refused", f"image {path} needs more memory than there is; scale it down first.") from problem
    except UnidentifiedImageError as problem:  # its own sentence holds an address in memory
        if (samples := tiff_samples(path.read_bytes())) is not None:
            raise ImageError(
                "image_refused", f"image {path} is a TIFF of {samples}, which is not read; {CONVERT}."
            ) from problem
        raise ImageError(
            "image_decode",
            f"image {path} is not a {', '.join(FORMATS[:-1])} or {FORMATS[-1]}, or its header is broken; fetch it again.",
        ) from problem
    except Exception as problem:  # Pillow's readers raise whatever a broken file makes them stumble upon
        raise ImageError("image_decode", f"image {path} cannot be decoded: {_first_line(problem)}.") from problem


def is_there(path: Path) -> bool:
    """Whether there is such a file; a name too long for the file system is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def file_digest(path: Path | str) -> str:
    """Hash of a file's bytes (40 hexadecimal digits): images that are the same file under several names have the same.

    "missing" where there is no such file, or no plain one: a state of the data like any other.
    """
    try:
        # without a `Path`, which enters every part of a name in the interpreter's table of strings
        status, place = os.stat(path), os.path.abspath(path)  # noqa: PTH116, PTH100
        file_state = (place, status.st_size, status.st_mtime_ns, status.st_ino)
        return _digest(path, repr(file_state)) if stat.S_ISREG(status.st_mode) else "missing"
    except (OSError, ValueError):
        return "missing"


def _digest(path: Path | str, state: str) -> str:
    tag = hashlib.blake2b(state.encode("utf-8", "replace"), digest_size=_TAG).digest()
    slot = int.from_bytes(tag) % _SLOTS * _SLOT
    entry = bytes(_memo[slot : slot + _SLOT])
    if not entry.startswith(tag):
        with open(path, "rb") as file:  # noqa: PTH123
            entry = tag + hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=20)).digest()
        _memo[slot : slot + _SLOT] = entry
    return entry[_TAG:].hex()


def size_of(path: Path) -> tuple[int, int] | None:
    """Width and height of an image as `decode` gives it, from its header alone; None where there is none or it makes no sense."""
    if not is_there(path):
        return None
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            whole = pixel_file(head + file.read() if head.startswith(b"\x89PNG") else head)
        with Image.open(io.BytesIO(whole.data), formats=FORMATS) as image:
            turned = image.format != "TIFF" and _orientation(image, whole) > 4  # on its side; Pillow has turned a TIFF's size
            return (image.height, image.width) if turned else (image.width, image.height)
    except Exception:  # what is wrong with it is said where it is decoded
        return None


def write_png(path: str | Path, pixels: Pixels) -> None:
    """Writes uint8 (H, W, 3) pixels as PNG: `decode` gives the same values back. The file appears whole or not at all.

    Raises:
        ValueError: The array is not uint8 (H, W, 3).
        MissingError: The file cannot be written (disk full, no permission).
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ValueError(f"expected uint8 pixels of shape (H, W, 3), got {pixels.dtype} {pixels.shape}")
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Adversarial noise hardly compresses, whatever the level: the lowest one takes a fraction of the time.
        Image.fromarray(np.ascontiguousarray(pixels)).save(unfinished, format="PNG", compress_level=1)
        unfinished.replace(path)
    except OSError as problem:
        raise MissingError(f"image {path} cannot be written: {problem.strerror or problem}.") from problem
    finally:
        unfinished.unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    """The bytes of a plain file that may be an image: neither empty, nor huge, nor of a format that is not read."""
    try:
        if not path.is_file():
            what = "is a folder, not an image" if path.is_dir() else "is not a regular file" if path.exists() else None
            raise ImageError("image_missing", f"{path} {what}." if what else f"no image {path}.")
        if path.stat().st_size > MAX_BYTES:
            raise ImageError("image_refused", f"image {path} has over {MAX_BYTES // 2**20} MB; scale it down first.")
        data = path.read_bytes()
    except OSError as problem:
        raise ImageError("image_missing", f"image {str(path)[:300]} cannot be read: {problem.strerror}.") from problem
    if not data:
        raise ImageError("image_decode", f"image {path} is empty (0 bytes).")
    if (refusal := foreign_format(data[:4096])) is not None:
        raise ImageError("image_refused", f"image {path} {refusal}.")
    if (text := text_kind(data[:4096])) is not None:
        raise ImageError("image_decode", f"image {path} is {text}, not an image; fetch it again.")
    return data


def _opened(path: Path, data: bytes, notes: list[str]) -> Image.Image:
    """The first frame, loaded and upright; refuses what must not be decoded."""
    file = pixel_file(data)
    try:
        image: Any = Image.open(io.BytesIO(file.data), formats=FORMATS)
        size = f"{image.width}x{image.height}"
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as problem:
        raise ImageError("image_refused", f"image {path} has over {MAX_PIXELS:,} pixels; scale it down first.") from problem
    if image.width * image.height > MAX_PIXELS:
        raise ImageError("image_refused", f"image {path} is {size}, over {MAX_PIXELS:,} pixels; scale it down first.")
    if max(image.size) > MAX_SIDE:
        raise ImageError("image_refused", f"image {path} is {size}, over {MAX_SIDE:,} pixels long; scale it down first.")
    if any(";16" in str(tile.args) for tile in image.tile) and not image.mode.startswith("I"):
        notes.append("16 bits per channel reduced to 8")
        image = _with_alpha_of_key(image, file.data) if "transparency" in image.info else image
    frames = max(file.frames, getattr(image, "n_frames", 1))
    if frames > 1:
        notes.append(f"first of {frames} frames")
    orientation = _orientation(image, file)
    image.load_end = lambda: None  # TIFF would be turned here by all its metadata, sound or not
    extents = image.tile[0].extents if image.format == "GIF" else None
    image.load()
    if extents not in (None, (0, 0, *image.size)):  # Pillow fills the rest with a colour, browsers leave it transparent
        image = _alone(image, extents)
    if orientation == 1:
        return cast(Image.Image, image)
    notes.append("rotated by EXIF")
    return cast(Image.Image, _carrying(image, image.transpose(_UPRIGHT[orientation])))


def _orientation(image: Image.Image, file: PixelFile) -> int:
    exif = image.info.get("exif") if image.format == "WEBP" else None
    return exif_orientation(exif) if isinstance(exif, bytes) else file.orientation


def _carrying(image: Any, turned: Any) -> Any:
    """The turned image with what its values mean: tags and transparency."""
    turned.info |= image.info
    turned.tag_v2 = getattr(image, "tag_v2", {})
    return turned


def _alone(image: Image.Image, extents: tuple[int, int, int, int]) -> Image.Image:
    canvas = Image.new("RGBA", image.size, (255, 255, 255, 0))
    canvas.paste(image.convert("RGBA").crop(extents), extents)
    return canvas


def _with_alpha_of_key(image: Any, data: bytes) -> Image.Image:
    """Pillow keeps the high bytes of 16-bit colour alone; taken for the other byte order, the same file gives the low ones."""
    key = image.info["transparency"]
    other: Any = Image.open(io.BytesIO(data), formats=FORMATS)
    other.tile = [tile._replace(args="RGB;16L") for tile in other.tile]
    high, low = (np.asarray(part).astype(np.uint16) for part in (image, other))
    seen = (high << 8 | low != key).any(axis=2)
    image = image.convert("RGB")
    image.putalpha(Image.fromarray(seen.astype(np.uint8) * 255))
    return cast(Image.Image, image)


def _eight_bit_rgb(path: Path, image: Image.Image, notes: list[str]) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        notes.append("16 bits reduced to 8" if image.mode != "F" else "floats scaled to 8 bits")
        return _from_wide(path, image)
    if image.mode == "L" and _tag(image, _SAMPLE_FORMAT) == 2 and np.asarray(image).max(initial=0) > 127:
        raise ImageError("image_refused", f"image {path} holds negative numbers; convert it to 8 bits first.")
    if image.mode == "LAB":
        raise ImageError("image_refused", f"image {path} is in the colours of CIELAB; convert it to RGB first.")
    if image.has_transparency_data:
        notes.append("alpha over white")
        layered = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
        canvas = Image.new("RGB", image.size, "white")
        canvas.paste(layered.convert("RGB"), mask=layered.getchannel("A"))
        return canvas
    if image.mode not in ("RGB", "L", "1", "P"):
        notes.append(f"{image.mode} to RGB")
    return image.convert("RGB")


def _from_wide(path: Path, image: Image.Image) -> Image.Image:
    """Greyscale of more than 8 bits: white is the largest value of its depth, or zero where a TIFF says so."""
    values: NDArray[Any] = np.asarray(image)
    white = 1.0 if image.mode == "F" else 4095 if _tag(image, _BITS) == 12 else 65535
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= white):
        beyond = "floats outside [0, 1]" if image.mode == "F" else "integers beyond 16 bits"
        raise ImageError("image_refused", f"image {path} holds {beyond}; convert it to 8 bits first.")
    key = image.info.get("transparency")
    values = np.where(values == key, white, values) if isinstance(key, int) else values
    grey = np.rint(values.astype(np.float64) * 255 / white)
    grey = 255 - grey if _tag(image, _POLARITY) == 0 else grey
    return Image.fromarray(grey.astype(np.uint8)).convert("RGB")


def _tag(image: Any, number: int) -> object:
    """The first value of a TIFF's tag; None for any other image."""
    value = getattr(image, "tag_v2", {}).get(number)
    return value[0] if isinstance(value, tuple) and value else value


def _first_line(problem: Exception) -> str:
    return (str(problem).splitlines() or [""])[0].rstrip(". ") or type(problem).__name__
