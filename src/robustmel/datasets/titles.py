"""Pages and files of Wikipedia as data sets write them: one title a page, one name a file."""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from urllib.parse import unquote

from robustmel.records.record import is_nil

_PAGE = re.compile(
    r"""^[^/]*?(?:https?:)?//[a-z-]+(?:\.m)?\.wikipedia\.org(?::443)?/     # stray letters, host, mobile host
    (?:w/)?(?:index\.php\?(?P<query>.+)|(?:wiki|index\.php|zh-[a-z]+)/(?P<title>.+))$""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_CLEAN = re.compile(r"^(?:https?:)?//", re.IGNORECASE)
_QUERY = re.compile(r"\?[a-z]+=.*$", re.IGNORECASE | re.DOTALL)
_INVISIBLE = re.compile("[\u200e\u200f\u202a-\u202e\ufeff]")
_SUFFIX = re.compile(r"(\.(?:jpg|jpeg|png|svg|JPG|JPEG|PNG|SVG))$")


def title(text: str) -> str:
    """A title as people write it: decoded, NFC, underscores as blanks, no blanks around it.

    Entities of HTML and percent-encoding are decoded however often they were put on. What does not decode to UTF-8 stays as it is ("100%"). No title of
    Wikipedia holds an encoded character, so that nothing is lost.
    """
    decoded = text
    for _ in range(5):
        before = decoded
        try:
            decoded = unquote(html.unescape(decoded), errors="strict")
        except UnicodeDecodeError:
            break
        if decoded == before:
            break
    return " ".join(unicodedata.normalize("NFC", _INVISIBLE.sub("", decoded).replace("_", " ")).split())


def page_id(text: str) -> str:
    """A bare title as the id of its page: its first letter is a capital, whatever a link says."""
    page = title(text)
    capital = page[:1].upper()
    return capital + page[1:] if len(capital) == 1 else page


def page_title(address: str) -> tuple[str | None, bool]:
    """The title of the page behind an address (or of a bare title), and whether the address was dirty.

    One page has one title, however its address is spelt: on the mobile host, as `index.php?title=`, with a version (`oldid`), a
    section, HTML's `&amp;`, encoded twice, with a small first letter. WikiDiverse has addresses with stray letters before them
    ("nhttps://", "]https://"). NIL in any spelling gives None.
    """
    stripped = address.strip()
    if is_nil(stripped):
        return None, False
    link = _PAGE.match(html.unescape(stripped))
    if link is None:
        return page_id(stripped) or None, False
    if link["query"] is not None:
        written = next((part[6:] for part in link["query"].partition("#")[0].split("&") if part.startswith("title=")), "")
        written = written.replace("+", " ")
    else:
        written = _QUERY.sub("", link["title"].partition("#")[0])
    return page_id(written) or None, not _CLEAN.match(stripped)


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
