"""PNG files written by their specification."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 7, 5
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PALETTE = np.random.default_rng(7).integers(0, 256, (256, 3))


def chunk(name: bytes, data: bytes, check: int = 0) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data) ^ check)


def png(samples: NDArray[np.int64], depth: int, colour: int, before: bytes = b"", after: bytes = b"") -> bytes:
    """samples (H, W, C), each in its own depth."""
    rows = b"".join(b"\0" + packed(row, depth) for row in samples)
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], depth, colour, 0, 0, 0)
    table = chunk(b"PLTE", PALETTE[: 2**depth].astype(np.uint8).tobytes()) if colour == 3 else b""
    end = chunk(b"IDAT", zlib.compress(rows)) + after + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + table + before + end


def packed(row: NDArray[np.int64], depth: int) -> bytes:
    bits = "".join(format(value, f"0{depth}b") for value in row.reshape(-1).tolist())
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[start : start + 8], 2) for start in range(0, len(bits), 8))


def drawn(depth: int, channels: int) -> NDArray[np.int64]:
    return np.random.default_rng(depth).integers(0, 2**depth, (HEIGHT, WIDTH, channels))
