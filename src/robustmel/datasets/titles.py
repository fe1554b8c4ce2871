"""Pages and files of Wikipedia as data sets write them: one title a page, one name a file."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from urllib.parse import unquote

from robustmel.records.record import is_nil

_PAGE = re.compile(r"^[^/]*?https?://[a-z-]+(?:\.m)?\.wikipedia\.org/wiki/(?P<title>.+)$", re.IGNORECASE | re.DOTALL)
_CLEAN = re.compile(r"^https?://", re.IGNORECASE)


def title(text: str) -> str:
    """A title as people write it: percent-decoded, underscores as blanks, NFC, no blanks around it.

    What does not decode to UTF-8 stays as it is ("100%").
    """
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        decoded = text
    return " ".join(unicodedata.normalize("NFC", decoded.replace("_", " ")).split())


def page_title(address: str) -> tuple[str | None, bool]:
    """The title of the page behind an address (or of a bare title), and whether the address was dirty.

    WikiDiverse has addresses with stray letters before them ("nhttps://", "]https://"). NIL in any spelling gives None.
    """
    stripped = address.strip()
    if is_nil(stripped):
        return None, False
    found = _PAGE.match(stripped)
    page = title(found["title"].partition("#")[0]) if found else title(stripped)
    return page or None, bool(found) and not _CLEAN.match(stripped)


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
