"""Introductions of Wikipedia's articles, by title or by search, twenty at a time."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from robustmel.retrieval.evidence import plain
from robustmel.retrieval.wikimedia.action_api import ActionApi, mapping, objects

AT_ONCE = 20
"""More extracts than that are left out of an answer."""
HITS = 10
LONGEST_QUERY = 300
"""Characters that the search takes."""
MOST_HOPS = 3
_NO_TITLE = re.compile(r"[#<>\[\]|{}\x00-\x1f\x7f\ufffd]")
_OPERATORS = re.compile(r'["\\*?~]')
_WANTED = {
    "action": "query",
    "prop": "extracts|pageprops|info",
    "exintro": "1",
    "explaintext": "1",  # "exsentences" takes "Apple Inc." for a sentence: they are told apart here
    "exlimit": str(AT_ONCE),
    "ppprop": "disambiguation|wikibase_item",
    "redirects": "1",
}

Article = dict[str, Any]
"""{"title": ..., "text": ..., "item": Wikidata id or "", "revision": ...}."""


def title_of(name: str) -> str:
    """A name as a title that may be asked for; "" where it is none."""
    title = " ".join(unicodedata.normalize("NFC", name).replace("_", " ").split())
    return "" if _NO_TITLE.search(title) or len(title.encode("utf-8", "replace")) > 255 or title.startswith(":") else title


def fetch_articles(api: ActionApi, titles: list[str]) -> dict[str, tuple[Article | None, str]]:
    """Title asked for -> the article to which it leads, and its revision; None where there is none, or only a list of meanings."""
    renamed: dict[str, str] = {}
    pages: dict[str, dict[str, Any]] = {}
    for answer in api.answers(_WANTED | {"titles": "|".join(titles)}):
        query = mapping(answer.get("query"))
        for step in objects(query.get("normalized")) + objects(query.get("redirects")):
            renamed[str(step.get("from"))] = str(step.get("to"))
        for page in objects(query.get("pages")):
            pages.setdefault(str(page.get("title")), {}).update(page)
    articles = {title: _article(pages.get(_target(title, renamed), {})) for title in titles}
    return {title: (article, article["revision"] if article else "") for title, article in articles.items()}


def _target(title: str, renamed: Mapping[str, str]) -> str:
    for _ in range(MOST_HOPS + 1):
        if title not in renamed:
            return title
        title = renamed[title]
    return ""  # a circle, or as good as one


def _article(page: Mapping[str, Any]) -> Article | None:
    about = mapping(page.get("pageprops"))
    text = plain(str(page.get("extract") or ""))
    if page.get("ns") != 0 or "missing" in page or "invalid" in page or "disambiguation" in about or not text:
        return None
    item, revision = str(about.get("wikibase_item") or ""), str(page.get("lastrevid") or "")
    return {"title": plain(str(page["title"])), "text": text, "item": item, "revision": revision}


def search_query(label: str, keywords: list[str]) -> str:
    """The label and each keyword as a phrase, none of them an operator; without the last keywords where it would be too long."""
    phrases = [f'"{" ".join(said.split())}"' for text in (label, *keywords) if (said := _OPERATORS.sub(" ", text)).strip()]
    while phrases and len(" ".join(phrases)) > LONGEST_QUERY:
        phrases.pop()
    return " ".join(phrases) if _OPERATORS.sub(" ", label).strip() else ""


def search_articles(api: ActionApi, query: str) -> list[Article]:
    """The `HITS` best articles for a query, with their introductions, best first."""
    pages: dict[Any, dict[str, Any]] = {}
    searched = {"generator": "search", "gsrsearch": query, "gsrwhat": "text", "gsrnamespace": "0", "gsrlimit": str(HITS)}
    for answer in api.answers(_WANTED | searched):
        for page in objects(mapping(answer.get("query")).get("pages")):
            pages.setdefault(page.get("title"), {}).update(page)
    ranked = sorted(pages.values(), key=lambda page: (not isinstance(page.get("index"), int), page.get("index")))
    return [article for page in ranked[:HITS] if (article := _article(page)) is not None]
