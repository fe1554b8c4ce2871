"""Pages and files of Wikipedia as data sets write them: one title a page, one name a file."""

import html
import re
import unicodedata
from urllib.parse import unquote

from robustmel.records.record import is_nil

_PAGE = re.compile(
    r"""^(?:[^/]*?//)?(?:www\.)?(?:(?P<language>[a-z-]+)\.)?(?:(?:m|zero)\.)?wikipedia\.org\.?(?::\d+)?/+     # stray letters, host
    (?:(?:wiki/?|w/?)?(?:index\.php)?\?(?P<query>.+)|(?:wiki|(?:w/)?index\.php|zh-[a-z]+)/(?P<title>.+))$""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_CLEAN = re.compile(r"^(?:(?:https?:)?//|[a-z.-]+/)", re.IGNORECASE)
_QUERY = re.compile(r"\?[a-z]+=.*$", re.IGNORECASE | re.DOTALL)
_ENTITY = re.compile(
    r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]\w{1,30});", re.IGNORECASE
)  # html.unescape alone reads "&section=" as "§ion="
_INVISIBLE = re.compile("[\u200e\u200f\u202a-\u202e\ufeff]")


def title(text: str) -> str:
    """A title as people write it: decoded, NFC, underscores as blanks, no blanks around it.

    Entities of HTML and percent-encoding are decoded however often they were put on. What does not decode to UTF-8 stays as it is ("100%"). No title of
    Wikipedia holds an encoded character, so that nothing is lost.
    """
    decoded = text
    for _ in range(5):
        before = decoded
        try:
            decoded = unquote(_unescaped(decoded), errors="strict")
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
    section, HTML's `&amp;`, encoded twice, with a small first letter or a slash at its end. A page of another language is another
    page ("de:Paris"); one given by number keeps it ("Curid=5"). WikiDiverse has addresses with stray letters before them
    ("nhttps://", "]https://"). NIL in any spelling gives None.
    """
    stripped = address.strip().strip("<>")
    if is_nil(stripped):
        return None, False
    written = unquote(stripped) if re.match("https?%3a", stripped, re.IGNORECASE) else _unescaped(stripped)
    link = _PAGE.match(written)
    if link is None:
        return page_id(stripped) or None, False
    stated = dict(part.partition("=")[::2] for part in (link["query"] or "").partition("#")[0].split("&"))
    if link["query"] is None:
        page = _QUERY.sub("", link["title"].partition("#")[0])
        page = page.removesuffix("/") or page
    else:
        page = stated.get("title", "").replace("+", " ") or (f"curid={stated['curid']}" if "curid" in stated else "")
    page = page_id(_QUERY.sub("", title(page)))
    language = (link["language"] or "en").lower()
    if not page:  # a version or a search: no page by name, but not NIL either
        return stripped, False
    return page if language in ("en", "www", "m") else f"{language}:{page}", not _CLEAN.match(written)


def _unescaped(text: str) -> str:
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
