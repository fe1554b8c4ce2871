"""Metadata decide about an image's orientation and nothing else; what is too large or no image is refused by its first bytes."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from robustmel.errors import ImageError
from robustmel.images import decode, decode_with_notes, size_of

from .png_files import HEIGHT, WIDTH, chunk, drawn, png

SAMPLES = drawn(8, 3)
EXIF = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0) + b"\0\0\0\0"


@pytest.mark.parametrize(
    "before",
    [
        chunk(b"tEXt", b"no separator"),
        chunk(b"tEXt", b"a\0b", check=1),
        chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * 3_000_000)),
        chunk(b"zTXt", b"a\0\7broken"),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"x" * 3_000_000)),
        chunk(b"iCCP", b"name\0\3broken"),
        chunk(b"iCCP", b""),
        *(chunk(name, b"\0") for name in (b"pHYs", b"gAMA", b"cHRM", b"sRGB", b"acTL", b"fcTL", b"tIME", b"eXIf", b"tRNS")),
        chunk(b"gAMA", b"\0\0\0\0"),
        chunk(b"eXIf", b"II*\0\xff\xff\xff\xff"),
        chunk(b"eXIf", b"II*\0\x08\0\0\0\xff\xff" + struct.pack("<HHIHH", 0x0112, 4, 1, 6, 0)),
        chunk(b"\x80?!\0", b"not a name"),
        chunk(b"tRNS", struct.pack(">3H", *SAMPLES[0, 0].tolist()), check=1),
    ],
    ids=lambda made: repr(made[4:24]),
)
def test_metadata_does_not_decide_about_pixels(tmp_path: Path, before: bytes) -> None:
    (tmp_path / "a.png").write_bytes(png(SAMPLES, 8, 2, before))
    assert np.array_equal(decode(tmp_path / "a.png"), SAMPLES)
    (tmp_path / "a.png").write_bytes(png(SAMPLES, 8, 2, b"", before))
    assert np.array_equal(decode(tmp_path / "a.png"), SAMPLES)


def test_cut_metadata_after_the_pixels_does_no_harm(tmp_path: Path) -> None:
    whole = png(SAMPLES, 8, 2, b"", chunk(b"tEXt", b"a\0" + b"b" * 500))
    (tmp_path / "a.png").write_bytes(whole[:-300])
    assert np.array_equal(decode(tmp_path / "a.png"), SAMPLES)


@pytest.mark.parametrize("place", ["before", "after"])
def test_an_orientation_counts_wherever_it_stands(tmp_path: Path, place: str) -> None:
    (tmp_path / "a.png").write_bytes(png(SAMPLES, 8, 2, **{place: chunk(b"eXIf", EXIF)}))
    assert np.array_equal(decode(tmp_path / "a.png"), np.rot90(SAMPLES, -1))
    assert size_of(tmp_path / "a.png") == (HEIGHT, WIDTH)
    assert decode_with_notes(tmp_path / "a.png").notes == ("rotated by EXIF",)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_in_the_header_is_that_of_the_upright_image(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(SAMPLES.astype(np.uint8)).save(tmp_path / f"a.{suffix}", exif=exif)
    height, width, _ = decode(tmp_path / f"a.{suffix}").shape
    assert (width, height) == ((WIDTH, HEIGHT) if orientation < 5 else (HEIGHT, WIDTH))
    assert size_of(tmp_path / f"a.{suffix}") == (width, height)


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


@pytest.mark.parametrize(
    ("odd", "turned"),
    [
        (segment(0xE1, b"Exif\0\0" + EXIF), True),
        (segment(0xE1, b"Exif\0\0" + EXIF[:18]), False),
        (segment(0xE1, b"Exif\0\0" + EXIF.replace(struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0), struct.pack("<HHIHH", 0x0112, 3, 1, 9, 0))), False),
        (segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta tiff:Orientation='6'/>"), False),
        (segment(0xE2, b"ICC_PROFILE\0\1"), False),
        (segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff"), False),
        (segment(0xED, b"Photoshop 3.0\08BIM\4\4\0\0\xff\xff\xff\xff"), False),
        (segment(0xFE, b""), False),
        (b"\xff\xff\xff" + segment(0xEC, b"Ducky"), False),
    ],
    ids=lambda value: repr(value[4:16]) if isinstance(value, bytes) else None,
)  # fmt: skip
def test_odd_segments_of_a_jpeg_do_no_harm(tmp_path: Path, odd: bytes, turned: bool) -> None:
    Image.fromarray(np.kron(SAMPLES, np.ones((8, 8, 1))).astype(np.uint8)).save(tmp_path / "plain.jpg", quality=95)
    plain = (tmp_path / "plain.jpg").read_bytes()
    (tmp_path / "odd.jpg").write_bytes(plain[:2] + odd + plain[2:])
    expected = np.asarray(Image.open(tmp_path / "plain.jpg"))
    assert np.array_equal(decode(tmp_path / "odd.jpg"), np.rot90(expected, -1) if turned else expected)


@pytest.mark.parametrize(
    ("head", "named"),
    [
        (b"\0\0\0\x1cftypavif", "is AVIF"),
        (b"\0\0\0\x1cftypheic", "is HEIC"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "is JPEG 2000"),
        (b"\xff\x4f\xff\x51\0", "is JPEG 2000"),
        (b"\xff\x0a\0", "is JPEG XL"),
        (b"8BPS\0\1", "Photoshop"),
        (b"%PDF-1.4", "is PDF"),
        (b"P6\n3 2\n", "is PPM"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><svg/>", "is SVG"),
    ],
)
def test_a_format_that_is_not_read_is_named_with_the_way_out(tmp_path: Path, head: bytes, named: str) -> None:
    (tmp_path / "a.jpg").write_bytes(head + b"\0" * 40)
    with pytest.raises(ImageError, match=rf"a\.jpg.*{named}.*PNG first") as caught:
        decode(tmp_path / "a.jpg")
    assert caught.value.kind == "image_refused"


@pytest.mark.parametrize("size", [(1, 50_000_000), (50_000_000, 1), (70_000, 2), (2**31 - 1, 1), (8000, 8000)])
def test_an_image_too_long_or_too_large_is_refused_by_its_header(tmp_path: Path, size: tuple[int, int]) -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 1, 0, 0, 0, 0))
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 2_000_000)) + chunk(b"IEND", b"")
    )
    with pytest.raises(ImageError, match="scale it down first") as caught:
        decode(tmp_path / "a.png")
    assert caught.value.kind == "image_refused"


def test_what_is_no_plain_file_is_never_opened(tmp_path: Path) -> None:
    import os

    from robustmel.images import file_digest, is_there

    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for name in ("pipe.png", "zero.png"):
        with pytest.raises(ImageError, match="is not a regular file"):
            decode(tmp_path / name)
        assert file_digest(tmp_path / name) == "missing"
        assert not is_there(tmp_path / name)
        assert size_of(tmp_path / name) is None
