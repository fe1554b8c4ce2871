"""Every depth, colour type and polarity of PNG and TIFF, written by their specifications and read by arithmetic."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from robustmel.errors import ImageError
from robustmel.images import decode, decode_with_notes

from .png_files import CHANNELS, HEIGHT, PALETTE, WIDTH, chunk, drawn, packed, png

PNGS = [
    (0, 1),
    (0, 2),
    (0, 4),
    (0, 8),
    (0, 16),
    (2, 8),
    (2, 16),
    (3, 1),
    (3, 2),
    (3, 4),
    (3, 8),
    (4, 8),
    (4, 16),
    (6, 8),
    (6, 16),
]


def over_white(colour: NDArray[np.float64], alpha: NDArray[np.float64]) -> NDArray[np.float64]:
    """Both in [0, 1] (alpha) and [0, 255]."""
    return colour * alpha + 255 * (1 - alpha)


def eight_bits(samples: NDArray[np.int64], depth: int) -> NDArray[np.float64]:
    return samples * 255 / (2**depth - 1)


def close(tmp_path: Path, content: bytes, expected: NDArray[np.float64], within: float) -> None:
    (tmp_path / "a.png").write_bytes(content)
    pixels = decode(tmp_path / "a.png").astype(float)
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(pixels - expected).max() <= within


@pytest.mark.parametrize(("colour", "depth"), PNGS)
def test_every_png_means_what_its_samples_say(tmp_path: Path, colour: int, depth: int) -> None:
    samples = drawn(depth, CHANNELS[colour])
    values = PALETTE[samples[..., 0]].astype(float) if colour == 3 else eight_bits(samples, depth)
    if colour in (4, 6):
        values = over_white(values[..., :-1], values[..., -1:] / 255)
    within = (
        2
        if depth == 16 and colour in (4, 6)
        else 1
        if colour in (4, 6) or (depth == 16 and colour == 2)
        else 0.501
        if depth == 16
        else 1e-9
    )
    close(tmp_path, png(samples, depth, colour), np.broadcast_to(values, (HEIGHT, WIDTH, 3)), within)


@pytest.mark.parametrize(("colour", "depth"), [kind for kind in PNGS if kind[0] in (0, 2)])
def test_a_key_colour_is_compared_in_the_depth_of_the_file(tmp_path: Path, colour: int, depth: int) -> None:
    samples = drawn(depth, CHANNELS[colour])
    key = samples[2, 3]
    samples[4] = key ^ 1  # one bit away: another colour
    samples[3] = key ^ 1 << depth - 1
    hidden = (samples == key).all(axis=2, keepdims=True)
    expected = np.where(hidden, 255, eight_bits(samples, depth))
    transparent = chunk(b"tRNS", struct.pack(f">{len(key)}H", *key.tolist()))
    close(tmp_path, png(samples, depth, colour, transparent), np.broadcast_to(expected, (HEIGHT, WIDTH, 3)), 1.01)


def gif(
    canvas: tuple[int, int], place: tuple[int, int], samples: NDArray[np.int64], background: int, hidden: int | None
) -> bytes:
    """One frame of four colours. A clear code before every pixel keeps all codes of the LZW stream at three bits."""
    height, width = samples.shape
    codes = [code for value in samples.reshape(-1).tolist() for code in (4, value)] + [5]
    stream = sum(code << (3 * number) for number, code in enumerate(codes)).to_bytes((3 * len(codes) + 7) // 8, "little")
    control = b"" if hidden is None else b"!\xf9\4\1\0\0" + bytes([hidden, 0])
    head = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0x81, background, 0) + PALETTE[:4].astype(np.uint8).tobytes()
    frame = b"," + struct.pack("<HHHHB", *place, width, height, 0) + b"\2" + bytes([len(stream)]) + stream + b"\0"
    return head + control + frame + b";"


@pytest.mark.parametrize("background", [0, 3, 200])
@pytest.mark.parametrize("hidden", [None, 0, 2])
@pytest.mark.parametrize("place", [(0, 0), (2, 1)])
def test_what_the_first_frame_of_a_gif_leaves_free_is_transparent(
    tmp_path: Path, place: tuple[int, int], hidden: int | None, background: int
) -> None:
    samples = np.random.default_rng(background).integers(0, 4, (3, 4))
    expected = np.full((HEIGHT, WIDTH, 3), 255)
    shown = np.where((samples == hidden)[..., None] if hidden is not None else False, 255, PALETTE[samples])
    expected[place[1] : place[1] + 3, place[0] : place[0] + 4] = shown
    (tmp_path / "a.gif").write_bytes(gif((WIDTH, HEIGHT), place, samples, background, hidden))
    decoded = decode_with_notes(tmp_path / "a.gif")
    assert np.array_equal(decoded.pixels, expected)
    assert decoded.notes == ("alpha over white",)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_palettes_have_an_alpha_of_their_own(tmp_path: Path, depth: int) -> None:
    samples = drawn(depth, 1)
    alpha = np.full(256, 255)
    alpha[: 2**depth // 2] = np.minimum(255, np.arange(2**depth // 2) * 3)
    expected = over_white(PALETTE[samples[..., 0]].astype(float), alpha[samples] / 255)
    transparent = chunk(b"tRNS", alpha[: 2**depth // 2].astype(np.uint8).tobytes())
    close(tmp_path, png(samples, depth, 3, transparent), expected, 1.0)


def tiff(
    order: str, samples: NDArray[np.int64] | NDArray[np.float64], bits: int, photometric: int, form: int, extra: int | None
) -> bytes:
    """One strip, uncompressed."""
    height, width, channels = samples.shape
    if form == 3:
        data = samples.astype(f"{order}f4").tobytes()
    elif bits in (16, 32):
        data = samples.astype(f"{order}{'i' if form == 2 else 'u'}{bits // 8}").tobytes()
    else:
        data = b"".join(packed(row, bits) for row in samples)
    tags = {256: (3, [width]), 257: (3, [height]), 258: (3, [bits] * channels), 259: (3, [1]), 262: (3, [photometric])}
    tags |= {273: (4, [0]), 277: (3, [channels]), 278: (3, [height]), 279: (4, [len(data)]), 339: (3, [form] * channels)}
    if extra is not None:
        tags[338] = (3, [extra])
    if photometric == 3:
        tags[320] = (3, (np.resize(PALETTE, (2**bits, 3)).T.reshape(-1) * 257).tolist())
    start = 8 + 2 + 12 * len(tags) + 4
    beyond, entries = b"", b""
    for tag, (kind, values) in sorted(tags.items()):
        written = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(written) > 4:
            written, beyond = struct.pack(f"{order}I", start + len(beyond)), beyond + written
        entries += struct.pack(f"{order}HHI", tag, kind, len(values)) + written.ljust(4, b"\0")
    entries = entries.replace(
        struct.pack(f"{order}HHI", 273, 4, 1) + b"\0" * 4, struct.pack(f"{order}HHII", 273, 4, 1, start + len(beyond))
    )
    mark = b"II" if order == "<" else b"MM"
    return mark + struct.pack(f"{order}HIH", 42, 8, len(tags)) + entries + b"\0" * 4 + beyond + data


TIFFS = [
    *((bits, polarity, 1, 1, None) for bits, polarity in itertools.product((1, 2, 4, 8), (0, 1))),
    (12, 1, 1, 1, None),
    (16, 0, 1, 1, None),
    (16, 1, 1, 1, None),
    *((bits, 3, 1, 1, None) for bits in (1, 2, 4, 8)),
    (8, 2, 1, 3, None),
    (8, 2, 1, 4, 2),
    (8, 1, 1, 2, 2),
    (16, 2, 1, 3, None),
    (16, 2, 1, 4, 2),
    (8, 5, 1, 4, None),
    (16, 5, 1, 4, None),
    (32, 1, 3, 1, None),
    (32, 0, 3, 1, None),
]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("bits", "photometric", "form", "channels", "extra"), TIFFS)
def test_every_tiff_means_what_its_samples_say_or_is_refused(
    tmp_path: Path, order: str, bits: int, photometric: int, form: int, channels: int, extra: int | None
) -> None:
    samples = np.random.default_rng(bits).random((HEIGHT, WIDTH, 1)).astype(np.float32) if form == 3 else drawn(bits, channels)
    (tmp_path / "a.tif").write_bytes(tiff(order, samples, bits, photometric, form, extra))
    values = samples * 255.0 if form == 3 else eight_bits(samples, bits)
    if photometric == 0:
        values = 255 - values
    if photometric == 3:
        values = PALETTE[samples[..., 0]].astype(float)
    if photometric == 5:
        values = (255 - values[..., :3]) * (255 - values[..., 3:]) / 255
    if extra == 2:
        values = over_white(values[..., :-1], values[..., -1:] / 255)
    try:
        pixels = decode(tmp_path / "a.tif").astype(float)
    except ImageError as problem:
        assert order == ">"
        assert (bits, photometric) in {(12, 1), (16, 0)}  # which the reader does not know in this order
        assert f"a.tif is a TIFF of {bits} bits a sample, big-endian, {('white', 'black')[photometric]} is zero" in str(problem)  # noqa: PT017
        return
    within = 2 if bits == 16 and channels == 4 else 1.01 if channels > 1 and (bits, channels) != (8, 3) else 0.501
    assert np.abs(pixels - np.broadcast_to(values, pixels.shape)).max() <= within


def test_signed_samples_are_refused_where_they_are_negative(tmp_path: Path) -> None:
    for bits in (8, 16, 32):
        samples = np.full((HEIGHT, WIDTH, 1), 100)
        (tmp_path / "a.tif").write_bytes(tiff("<", samples, bits, 1, 2, None))
        decode(tmp_path / "a.tif")
        samples[1, 1] = 200 if bits == 8 else -3  # 200 is -56 in eight bits
        (tmp_path / "a.tif").write_bytes(tiff("<", samples, bits, 1, 2, None))
        with pytest.raises(ImageError, match=r"holds (negative numbers|integers beyond 16 bits)"):
            decode(tmp_path / "a.tif")
