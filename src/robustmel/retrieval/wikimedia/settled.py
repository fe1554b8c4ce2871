"""Articles as they stood some days ago: who vandalises a page is read by nobody until it has stood so long unreverted."""

import re
from collections.abc import Iterable
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

from robustmel.retrieval.evidence import plain
from robustmel.retrieval.wikimedia.action_api import ActionApi, mapping, objects
from robustmel.retrieval.wikimedia.articles import Article

_SKIPPED = frozenset({"table", "style", "script", "sup", "figure", "math"})
"""Elements whose text is no prose: tables and info boxes, marks of references, captions."""
_EMPTY = re.compile(r"\(\s*[;,]?\s*\)")


class SettledArticles:
    """Puts in the place of what was edited lately the newest revision from before.

    Args:
        before: A revision made later does not count.
    """

    def __init__(self, before: datetime) -> None:
        self._before = before.strftime("%Y-%m-%dT%H:%M:%SZ")

    def of(self, api: ActionApi, articles: Iterable[Article]) -> list[Article | None]:
        """Each article as it stood then, None where there was none; one request for all, and two for each that was edited since.

        Raises:
            FetchError: There is no answer.
        """
        current = list(articles)
        edited = self._edited(api, [article["revision"] for article in current])
        return [
            self._earlier(api, article) if edited.get(article["revision"], "9999") > self._before else article
            for article in current
        ]

    def _edited(self, api: ActionApi, revisions: list[str]) -> dict[str, str]:
        """Revision -> when it was made; one that nobody knows was made just now."""
        known = dict.fromkeys(filter(None, revisions), "9999")
        if known:
            asked = {"action": "query", "prop": "revisions", "rvprop": "ids|timestamp", "revids": "|".join(known)}
            for answer in api.answers(asked):
                for page in objects(mapping(answer.get("query")).get("pages")):
                    known |= {str(part.get("revid")): str(part.get("timestamp")) for part in objects(page.get("revisions"))}
        return known

    def _earlier(self, api: ActionApi, article: Article) -> Article | None:
        asked = {
            "action": "query", "prop": "revisions", "titles": article["title"], "rvprop": "ids|timestamp", "rvlimit": "1",
            "rvstart": self._before, "rvdir": "older",
        }  # fmt: skip
        query = mapping(next(api.answers(asked)).get("query"))
        found = [part for page in objects(query.get("pages")) for part in objects(page.get("revisions"))]
        if not found:
            return None
        revision = str(found[0].get("revid"))
        parsed = {
            "action": "parse",
            "oldid": revision,
            "prop": "text",
            "section": "0",
            "disablelimitreport": "1",
            "disableeditsection": "1",
        }
        text = introduction(str(mapping(next(api.answers(parsed)).get("parse")).get("text") or ""))
        return {**article, "text": text, "revision": revision} if text else None


def introduction(html: str) -> str:
    """The paragraphs of a rendered section, a line each."""
    reader = _Paragraphs()
    reader.feed(html)
    reader.close()
    lines = (" ".join(_EMPTY.sub("", text).split()) for text in reader.paragraphs)
    return plain("\n".join(line for line in lines if line))


class _Paragraphs(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.paragraphs = list[str]()
        self._skipping: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag in _SKIPPED:
            self._skipping.append(tag)
        elif tag == "p" and not self._skipping:
            self._inside = True
            self.paragraphs.append("")

    def handle_endtag(self, tag: str) -> None:
        if self._skipping and tag == self._skipping[-1]:
            self._skipping.pop()
        elif tag == "p":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside and not self._skipping:
            self.paragraphs[-1] += data
