"""Titles of Wikipedia pages as data sets write them."""

from __future__ import annotations

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
