"""What the image files of a data set are called."""

from __future__ import annotations

import hashlib
import re

_SUFFIX = re.compile(r"(\.(?:jpg|jpeg|png|svg|JPG|JPEG|PNG|SVG))$")


def wikidiverse_name(address: str) -> str:
    """The file of an image address in WikiDiverse: the MD5 of the last part of the address, still percent-encoded, and its suffix.

    SVG files were stored as PNG. A suffix that the release's rule does not know ("gif", "webp", "tif", "Jpg") brings the whole
    last part in its place.
    """
    last = address.rsplit("/", 1)[-1]
    digest = hashlib.md5(last.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    known = _SUFFIX.search(last)
    suffix = known.group(1) if known else last
    return digest + (".png" if suffix in (".svg", ".SVG") else suffix)


def mimic_name(written: str) -> str:
    """The file of an `imgPath` in MIMIC's cleaned sets: what stands before the first dot, and ".jpg"; "" stays ""."""
    return written.partition(".")[0] + ".jpg" if written.strip() else ""
