"""Image files cut down to what decides about their pixels, and names for the formats that are not read."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_BITS, _PHOTOMETRIC, _STRIPS, _ORIENTATION = 0x0102, 0x0106, 0x0111, 0x0112
CONVERT = "convert it to PNG first (ImageMagick: magick FILE image.png)"
_BRANDS = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"heic": "HEIC",
    b"heix": "HEIC",
    b"hevc": "HEIC",
    b"mif1": "HEIF",
    b"msf1": "HEIF",
}
_BRANDS |= {b"heim": "HEIC", b"heis": "HEIC", b"crx ": "Canon raw (CR3)"}
_FOREIGN = {
    b"\x00\x00\x00\x0cjP  \r\n\x87\n": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\xff\x0a": "JPEG XL",
    b"\x00\x00\x00\x0cJXL \r\n\x87\n": "JPEG XL",
    b"8BPS": "a Photoshop file (PSD)",
    b"\x00\x00\x01\x00": "an icon (ICO)",
    b"qoif": "QOI",
    b"DDS ": "DDS",
    b"%PDF": "PDF",
    b"%!PS": "PostScript",
    b"AT&TFORM": "DjVu",
    b"gimp xcf": "a GIMP file (XCF)",
    b"\x76\x2f\x31\x01": "OpenEXR",
    b"#?RADIANCE": "Radiance HDR",
    b"\x1f\x8b": "compressed by gzip (SVGZ, perhaps)",
    b"P1": "PBM", b"P2": "PGM", b"P3": "PPM", b"P4": "PBM", b"P5": "PGM", b"P6": "PPM",
}  # fmt: skip


class PixelFile(NamedTuple):
    """A file without what does not decide about its pixels.

    Args:
        data: For the decoder.
        orientation: Of EXIF, 1 (upright) to 8, as browsers read it; 1 where there is none or it makes no sense.
        frames: How many an animated PNG says it has; 1 for any other file.
    """

    data: bytes
    orientation: int = 1
    frames: int = 1


def foreign_format(head: bytes) -> str | None:
    """What is said of a format that is not read, by its first bytes; None for one that may be read."""
    markup = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if markup.startswith(b"<") and b"<svg" in markup and b"<html" not in markup.partition(b"<svg")[0]:
        return "is SVG, a drawing without pixels; render it to PNG first (rsvg-convert FILE -o image.png)"
    if head[4:8] == b"ftyp":
        return f"is {_BRANDS.get(head[8:12], 'a film or a picture in a film format')}, which is not read; {CONVERT}"
    kind = next((kind for magic, kind in _FOREIGN.items() if head.startswith(magic)), None)
    return None if kind is None else f"is {kind}, which is not read; {CONVERT}"


def text_kind(head: bytes) -> str | None:
    """What kind of text stands where an image should: an answer of a server, say; None for anything else."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<"):
        return "a web page" if b"<html" in text or b"<!doctype html" in text or b"<head" in text else "XML"
    if text.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS (git lfs pull brings the image)"
    return "JSON" if text.startswith((b"{", b'["', b"[{")) else "an archive" if text.startswith(b"pk\3\4") else None


def pixel_file(data: bytes) -> PixelFile:
    """The file without text, profiles, resolutions and other metadata, which must not decide whether it can be read.

    PNG keeps its header, palette, transparency and pixels; JPEG loses its application segments but JFIF's and Adobe's, which say
    what the channels are. Other formats stay as they are.
    """
    if data.startswith(_PNG):
        return _png(data)
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data[:4] in (b"II*\0", b"MM\0*"):
        return PixelFile(data, exif_orientation(data))
    return PixelFile(data)


def _png(data: bytes) -> PixelFile:
    chunks, orientation, frames, depth, colour = [_PNG], 1, 1, 8, 2
    for name, body, sound in _chunks(data):
        if name == b"IHDR" and len(body) >= 13:
            depth, colour = body[8], body[9]
        elif name == b"eXIf":
            orientation = exif_orientation(body)
        elif name == b"acTL" and len(body) >= 8:
            frames = max(1, int.from_bytes(body[:4], "big"))
        if name == b"tRNS":
            if not sound or (colour == 0 and len(body) < 2) or (colour == 2 and len(body) < 6):
                continue
            if colour == 0 and depth < 8:  # the key is given in the file's depth, the decoder compares 8 bits
                value = int.from_bytes(body[:2], "big") & (2**depth - 1)
                body = (value if depth == 1 else value * (255 // (2**depth - 1))).to_bytes(2, "big")
            elif colour in (0, 2) and depth == 8:
                body = b"".join(bytes([0, low]) for low in body[1::2])
            sound = True
        if name in _PNG_PIXELS:
            length, check = struct.pack(">I", len(body)), struct.pack(">I", zlib.crc32(name + body))
            chunks += [length, name, body, check] if sound else [length, name, body, b"\0\0\0\0"]
    return PixelFile(b"".join(chunks), orientation, frames)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Name, content and whether the checksum is right, of every chunk; the last may be cut short."""
    place = len(_PNG)
    while place + 8 <= len(data):
        length, name = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        body, check = data[place + 8 : place + 8 + length], data[place + 8 + length : place + 12 + length]
        yield name, body, check == struct.pack(">I", zlib.crc32(name + body))
        if name == b"IEND":
            return
        place += 12 + length


def _jpeg(data: bytes) -> PixelFile:
    chunks, orientation, place = [data[:2]], 1, 2
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] not in (0xDA, 0xD9):
        marker = data[place + 1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD8 or marker == 1:  # fill bytes, and markers that stand alone
            chunks.append(data[place : place + (1 if marker == 0xFF else 2)])
            place += 1 if marker == 0xFF else 2
            continue
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        body = data[place + 4 : end]
        if marker == 0xE1 and body.startswith(b"Exif\0") and orientation == 1:
            orientation = exif_orientation(body)
        # one too short to say anything is no such segment to libjpeg, and a fault to Pillow
        jfif = marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 14
        adobe = marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12
        if jfif or adobe or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            chunks.append(data[place:end])
        place = max(end, place + 2)
    return PixelFile(b"".join([*chunks, data[place:]]), orientation)


def exif_orientation(exif: bytes) -> int:
    """The orientation in a block of EXIF (or a TIFF file): 1 to 8; 1 where none is stated, or not as one short number."""
    for tag, kind, values, value in _tags(exif[6:] if exif.startswith(b"Exif\0") else exif):
        if tag == _ORIENTATION:
            return value if kind == 3 and values == 1 and 1 <= value <= 8 else 1
    return 1


def tiff_samples(data: bytes) -> str | None:
    """What the samples of a grey TIFF are ("16 bits a sample, big-endian, white is zero"); None for other files and cut headers."""
    order = {b"II*\0": "little-endian", b"MM\0*": "big-endian"}.get(data[:4])
    values = {tag: value for tag, _, _, value in _tags(data)}
    polarity = {0: "white is zero", 1: "black is zero"}.get(values.get(_PHOTOMETRIC, -1))
    if order is None or polarity is None or not {_BITS, _STRIPS} <= values.keys():
        return None
    return f"{values[_BITS]} bits a sample, {order}, {polarity}"


def _tags(tiff: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Tag, type, count and first 16 bits of the value, of the first directory; what is cut off is left out."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            yield struct.unpack_from(f"{order}HHIH", tiff, entry)
    except struct.error:
        return
