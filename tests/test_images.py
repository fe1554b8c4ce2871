"""Every format and odd mode of image becomes the RGB values that its definition says, or a reason."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from robustmel import images
from robustmel.errors import ImageError, MissingError
from robustmel.images import decode, decode_with_notes, write_png

RAMP = np.arange(3 * 5 * 3, dtype=np.uint8).reshape(3, 5, 3)


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG written by its specification, without Pillow."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = b"".join(chunk(*one) for one in chunks)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def pixels_of(tmp_path: Path, content: bytes, name: str = "image.png") -> list[list[int]]:
    (tmp_path / name).write_bytes(content)
    return decode(tmp_path / name).reshape(-1, 3).tolist()


def refusal(path: Path) -> str:
    with pytest.raises(ImageError) as caught:
        decode(path)
    assert path.name in str(caught.value)
    return caught.value.kind


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "gif", "webp"])
def test_lossless_formats_keep_every_value(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(RAMP).save(tmp_path / f"a.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
    assert (decode(tmp_path / f"a.{suffix}") == RAMP).all()


def test_the_content_decides_not_the_extension(tmp_path: Path) -> None:
    Image.fromarray(RAMP).save(tmp_path / "a.jpg", format="PNG")
    assert (decode(tmp_path / "a.jpg") == RAMP).all()


def test_jpeg_comes_close(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (200, 60, 20)).save(tmp_path / "a.png", format="JPEG", quality=95)
    assert np.abs(decode(tmp_path / "a.png").astype(int) - [200, 60, 20]).max() <= 3


def test_alpha_is_laid_over_white(tmp_path: Path) -> None:
    rgba = b"\0" + bytes([255, 0, 0, 255]) + bytes([0, 0, 0, 0]) + bytes([0, 100, 200, 51])
    assert pixels_of(tmp_path, png(3, 1, 8, 6, rgba)) == [[255, 0, 0], [255, 255, 255], [204, 224, 244]]
    grey_alpha = b"\0" + bytes([0, 255, 0, 0, 100, 51])
    assert pixels_of(tmp_path, png(3, 1, 8, 4, grey_alpha)) == [[0] * 3, [255] * 3, [224] * 3]
    assert decode_with_notes(tmp_path / "image.png").notes == ("alpha over white",)


def test_palettes_with_and_without_transparency(tmp_path: Path) -> None:
    palette = (b"PLTE", bytes([10, 20, 30, 200, 100, 0]))
    assert pixels_of(tmp_path, png(2, 1, 8, 3, b"\0\0\1", palette)) == [[10, 20, 30], [200, 100, 0]]
    see_through = (b"tRNS", bytes([0, 51]))
    assert pixels_of(tmp_path, png(2, 1, 8, 3, b"\0\0\1", palette, see_through)) == [[255] * 3, [244, 224, 204]]


def test_a_key_colour_is_transparent(tmp_path: Path) -> None:
    colour = (b"tRNS", struct.pack(">3H", 1, 2, 3))
    assert pixels_of(tmp_path, png(2, 1, 8, 2, b"\0\1\2\3\1\2\4", colour)) == [[255] * 3, [1, 2, 4]]
    grey = (b"tRNS", struct.pack(">H", 300))
    assert pixels_of(tmp_path, png(2, 1, 16, 0, b"\0" + struct.pack(">2H", 300, 514), grey)) == [[255] * 3, [2] * 3]
    wide = (b"tRNS", struct.pack(">3H", 0x1234, 0x5678, 0x9ABC))
    row = b"\0" + struct.pack(">6H", 0x1234, 0x5678, 0x9ABC, 0xFFFF, 0, 0x0100)
    assert pixels_of(tmp_path, png(2, 1, 16, 2, row, wide)) == [[255] * 3, [255, 0, 1]]


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    values = [0, 257, 300, 32896, 65535]
    row = b"\0" + struct.pack(">5H", *values)
    assert pixels_of(tmp_path, png(5, 1, 16, 0, row)) == [[round(value / 257)] * 3 for value in values]
    Image.fromarray(np.array([values], dtype=np.uint16)).save(tmp_path / "a.tif")
    assert decode(tmp_path / "a.tif")[0, :, 0].tolist() == [0, 1, 1, 128, 255]


def test_wide_tiffs_are_read_where_their_range_is_known(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0.0, 0.5, 1.0]], dtype=np.float32)).save(tmp_path / "unit.tif")
    assert decode(tmp_path / "unit.tif")[0, :, 0].tolist() == [0, 128, 255]
    Image.fromarray(np.array([[0.0, 700.0]], dtype=np.float32)).save(tmp_path / "beyond.tif")
    assert refusal(tmp_path / "beyond.tif") == "image_refused"
    Image.fromarray(np.array([[0, 65535]], dtype=np.int32)).save(tmp_path / "int.tif")
    assert decode(tmp_path / "int.tif")[0, :, 0].tolist() == [0, 255]
    Image.fromarray(np.array([[0, 70000]], dtype=np.int32)).save(tmp_path / "long.tif")
    assert refusal(tmp_path / "long.tif") == "image_refused"


def test_one_bit_and_grey(tmp_path: Path) -> None:
    assert pixels_of(tmp_path, png(3, 1, 1, 0, b"\0\x40")) == [[0] * 3, [255] * 3, [0] * 3]
    assert pixels_of(tmp_path, png(2, 1, 8, 0, b"\0\7\xc8")) == [[7] * 3, [200] * 3]
    assert decode_with_notes(tmp_path / "image.png").notes == ()


@pytest.mark.parametrize(
    "segment",
    [
        b"\xff\xee\x00\x08Adobe\0",
        b"\xff\xe0\x00\x07JFIF\0",
        b"\xff\xed\x00\x0cPhotoshop ",
        b"\xff\xff",
        b"\xff\xfe\x00\x04\xff\xfe",
    ],
    ids=["adobe", "jfif", "photoshop", "fill", "comment"],
)
def test_segments_cut_short_leave_a_jpeg_as_it_is(tmp_path: Path, segment: bytes) -> None:
    plain = io.BytesIO()
    Image.fromarray(RAMP).save(plain, "JPEG")
    (tmp_path / "plain.jpg").write_bytes(plain.getvalue())
    (tmp_path / "odd.jpg").write_bytes(plain.getvalue()[:2] + segment + plain.getvalue()[2:])
    assert (decode(tmp_path / "odd.jpg") == decode(tmp_path / "plain.jpg")).all()


def test_cmyk_is_complemented(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(tmp_path / "cyan.tif")
    assert decode(tmp_path / "cyan.tif")[0, 0].tolist() == [0, 255, 255]
    Image.new("CMYK", (8, 8), (0, 0, 0, 255)).save(tmp_path / "black.jpg")
    assert decode(tmp_path / "black.jpg").max() <= 3
    assert decode_with_notes(tmp_path / "cyan.tif").notes == ("CMYK to RGB",)


@pytest.mark.parametrize(("suffix", "frames"), [("gif", 3), ("webp", 3), ("tif", 3), ("png", 3)])
def test_the_first_frame_is_taken(tmp_path: Path, suffix: str, frames: int) -> None:
    shots = [Image.new("RGB", (6, 4), colour) for colour in ((250, 0, 0), (0, 250, 0), (0, 0, 250))]
    lossless = {"lossless": True} if suffix == "webp" else {}
    shots[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=shots[1:], **lossless)
    pixels, notes = decode_with_notes(tmp_path / f"a.{suffix}")
    assert pixels[0, 0].tolist() == [250, 0, 0]
    assert notes == (f"first of {frames} frames",)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.transpose(1, 0, 2)),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: a[::-1, ::-1].transpose(1, 0, 2)),
        (8, lambda a: np.rot90(a, 1)),
    ],
)
def test_exif_orientation_is_applied(tmp_path: Path, suffix: str, orientation: int, upright) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(RAMP).save(tmp_path / f"a.{suffix}", exif=exif, **lossless)
    pixels, notes = decode_with_notes(tmp_path / f"a.{suffix}")
    assert np.array_equal(pixels, upright(RAMP))
    assert notes == (() if orientation == 1 else ("rotated by EXIF",))


def test_larger_images_are_scaled_down_and_smaller_ones_left(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.full((300, 100, 3), 77, dtype=np.uint8))
    small, notes = decode_with_notes(tmp_path / "a.png", max_side=150)
    assert small.shape == (150, 50, 3)
    assert (small == 77).all()
    assert notes == ("scaled down from 100x300",)
    assert decode(tmp_path / "a.png", max_side=300).shape == (300, 100, 3)
    write_png(tmp_path / "line.png", np.zeros((1, 900, 3), dtype=np.uint8))
    assert decode(tmp_path / "line.png", max_side=10).shape == (1, 10, 3)


def test_absent_files_are_missing(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.png") == "image_missing"
    (tmp_path / "folder.png").mkdir()
    assert refusal(tmp_path / "folder.png") == "image_missing"
    with pytest.raises(ImageError, match="image"):
        decode("nul\0.png")


@pytest.mark.parametrize(
    "content", [b"", b"<!DOCTYPE html><html>gone</html>", b"  <html>", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"text"]
)
def test_what_is_no_image_is_a_decoding_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    assert refusal(tmp_path / "a.jpg") == "image_decode"


@pytest.mark.parametrize("start", [b"<svg xmlns='a'/>", b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- c --><svg/>", b"\n <SVG>"])
def test_svg_is_refused(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "a.png").write_bytes(start)
    assert refusal(tmp_path / "a.png") == "image_refused"


def test_bombs_are_refused_before_their_pixels_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bomb.png").write_bytes(png(20_000, 20_000, 8, 2, b""))  # no pixels at all: decoding would be an error
    assert refusal(tmp_path / "bomb.png") == "image_refused"
    (tmp_path / "large.png").write_bytes(png(10_001, 5_000, 8, 2, b""))
    assert refusal(tmp_path / "large.png") == "image_refused"
    monkeypatch.setattr(images, "MAX_PIXELS", 15)
    write_png(tmp_path / "limit.png", RAMP)
    assert decode(tmp_path / "limit.png").shape == RAMP.shape


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp", "webp", "tif"])
def test_truncated_files_are_decoding_errors(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / f"a.{suffix}")
    whole = (tmp_path / f"a.{suffix}").read_bytes()
    (tmp_path / f"a.{suffix}").write_bytes(whole[: len(whole) // 2])
    assert refusal(tmp_path / f"a.{suffix}") == "image_decode"


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_mutated_files_are_images_or_image_errors(tmp_path: Path, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"]))
    buffer = io.BytesIO()
    Image.fromarray(RAMP).save(buffer, format=kind)
    content = bytearray(buffer.getvalue())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    (tmp_path / "a").write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        pixels, kind = decode(tmp_path / "a"), ""
    except ImageError as problem:
        pixels, kind = np.zeros((1, 1, 3), dtype=np.uint8), problem.kind
    assert kind in ("", "image_decode", "image_refused")
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(height=st.integers(1, 20), width=st.integers(1, 20), seed=st.integers(0, 999))
def test_written_pixels_are_read_back(tmp_path: Path, height: int, width: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    write_png(tmp_path / "deep" / "a.png", pixels)
    again, notes = decode_with_notes(tmp_path / "deep" / "a.png")
    assert np.array_equal(again, pixels)
    assert notes == ()
    assert [entry.name for entry in (tmp_path / "deep").iterdir()] == ["a.png"]


def test_only_8_bit_rgb_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="uint8"):
        write_png(tmp_path / "a.png", np.zeros((2, 2, 3)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="shape"):
        write_png(tmp_path / "a.png", np.zeros((2, 2), dtype=np.uint8))


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_png(tmp_path / "a.png", RAMP)

    def full(image: Image.Image, path: Path, **options: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(MissingError, match="No space left"):
        write_png(tmp_path / "a.png", RAMP[:1])
    monkeypatch.undo()
    assert np.array_equal(decode(tmp_path / "a.png"), RAMP)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x00\x01 no image", "is not a JPEG, PNG, WEBP, GIF, BMP or TIFF, or its header is broken"),
        (b"<?xml version='1.0'?><!DOCTYPE html PUBLIC>", "a web page"),
        (b"<!-- page --><html><svg></svg></html>", "a web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "is XML"),
        (b' {"error": "not found"}', "is JSON"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"PK\x03\x04....", "an archive"),
    ],
)
def test_what_lies_in_an_images_place_is_named_alike_each_time(tmp_path: Path, data: bytes, says: str) -> None:
    (tmp_path / "a.jpg").write_bytes(data)
    told = set()
    for _ in range(2):
        with pytest.raises(ImageError, match=says) as refused:
            decode(tmp_path / "a.jpg")
        told.add(str(refused.value))
    assert len(told) == 1
    assert " at 0x" not in told.pop()
