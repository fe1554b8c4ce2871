"""A double of Wikidata's and Wikipedia's API: the shapes they answer in, and their faults."""

from __future__ import annotations

import json
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response


class Wiki:
    """Items, articles, redirects; `faults` are answered first, one a request."""

    def __init__(self, server: HTTPServer) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.merged: dict[str, str] = {}
        self.articles: dict[str, dict[str, Any]] = {}
        self.redirects: dict[str, str] = {}
        self.hits: dict[str, list[str]] = {}
        self.faults: list[Response] = []
        self.requests: list[dict[str, str]] = []
        self.refused_ids: set[str] = set()
        self.breaking: set[str] = set()
        self.extracts_a_piece = 20
        self.revisions: dict[str, list[tuple[int, str, str]]] = {}
        server.expect_request("/wikidata").respond_with_handler(self.answer)
        server.expect_request("/wikipedia").respond_with_handler(self.answer)
        self.wikidata, self.wikipedia = server.url_for("/wikidata"), server.url_for("/wikipedia")

    def item(self, qid: str, label: str, description: str = "", article: str = "") -> None:
        self.items[qid] = {
            "type": "item",
            "id": qid,
            "lastrevid": int(qid[1:]) * 10,
            "labels": {"en": {"language": "mul", "value": label}},
            "descriptions": {"en": {"language": "en", "value": description}} if description else [],
            "aliases": [],
            "sitelinks": {"enwiki": {"site": "enwiki", "title": article, "badges": []}} if article else [],
        }

    def article(self, title: str, extract: str, item: str = "", ambiguous: bool = False) -> None:
        about = ({"wikibase_item": item} if item else {}) | ({"disambiguation": ""} if ambiguous else {})
        page = {"pageid": len(self.articles) + 1, "ns": 0, "title": title, "lastrevid": 100 + len(self.articles)}
        self.articles[title] = page | {"extract": extract} | ({"pageprops": about} if about else {})

    def answer(self, request: Request) -> Response:
        asked = dict(request.args)
        self.requests.append(asked)
        assert asked["maxlag"] == "5"
        assert asked["formatversion"] == "2"
        if self.faults:
            return self.faults.pop(0)
        if self.breaking & set(asked.get("titles", "").split("|")):
            return Response("a page takes too long to render", 503)
        if asked["action"] == "wbgetentities":
            return said(self._entities(asked["ids"].split("|")))
        if asked["action"] == "parse":
            html = next(
                text for history in self.revisions.values() for number, _, text in history if number == int(asked["oldid"])
            )
            return said({"parse": {"revid": int(asked["oldid"]), "text": html}})
        return said(self._history(asked) if asked.get("prop") == "revisions" else self._pages(asked))

    def _history(self, asked: dict[str, str]) -> Any:
        """Of revisions by number, or the newest one of a page that is no younger than `rvstart`; number, time and rendered text of each."""
        wanted = set(map(int, asked.get("revids", "0").split("|")))
        pages = []
        for title, history in self.revisions.items():
            kept = [part for part in history if part[0] in wanted]
            if asked.get("titles") == title:
                kept = sorted((part for part in history if part[1] <= asked["rvstart"]), key=lambda part: part[1])[-1:]
            listed = [{"revid": number, "timestamp": time} for number, time, _ in kept]
            pages += [{"title": title} | ({"revisions": listed} if listed else {})]
        return {"query": {"pages": pages}}

    def _entities(self, ids: list[str]) -> Any:
        assert len(ids) <= 50
        if refused := self.refused_ids & set(ids):
            return {"error": {"code": "no-such-entity", "info": f"Could not find {min(refused)}."}}
        entities: dict[str, Any] = {}
        for qid in ids:
            target = self.merged.get(qid, qid)
            entity = self.items.get(target, {"id": qid, "missing": ""})
            entities[qid] = entity | ({"redirects": {"from": qid, "to": target}} if target != qid else {})
        return {"entities": entities, "success": 1}

    def _pages(self, asked: dict[str, str]) -> Any:
        assert (asked["exintro"], asked["exlimit"], asked["redirects"]) == ("1", "20", "1")
        query: dict[str, Any] = {"normalized": [], "redirects": []}
        if asked.get("generator") == "search":
            assert len(asked["gsrsearch"]) <= 300
            titles = self.hits.get(asked["gsrsearch"], [])
            pages = [self.articles[title] | {"index": index} for index, title in enumerate(titles, 1)][::-1]
        else:
            pages = self._titled(asked["titles"].split("|"), query)
        start = int(asked.get("excontinue", 0))
        shown = [
            page if start <= place < start + self.extracts_a_piece else {k: v for k, v in page.items() if k != "extract"}
            for place, page in enumerate(pages)
        ]
        more = start + self.extracts_a_piece < len(pages)
        going_on = (
            {"continue": {"excontinue": start + self.extracts_a_piece, "continue": "||"}} if more else {"batchcomplete": True}
        )
        return {"query": query | {"pages": shown}, "warnings": {"extracts": {"warnings": '"exlimit" was too large'}}} | going_on

    def _titled(self, titles: list[str], query: dict[str, Any]) -> list[dict[str, Any]]:
        assert len(titles) <= 20
        reached: dict[str, dict[str, Any]] = {}
        for title in titles:
            upper = title[0].upper() + title[1:]
            if upper != title:
                query["normalized"].append({"fromencoded": False, "from": title, "to": upper})
            for _ in range(5):
                if upper in self.redirects:
                    query["redirects"].append({"from": upper, "to": self.redirects[upper]})
                    upper = self.redirects[upper]
            reached[upper] = self.articles.get(upper, {"ns": 0, "title": upper, "missing": True})
        return sorted(reached.values(), key=lambda page: str(page["title"])[::-1])  # not in the order of the request


def said(body: Any, status: int = 200, **headers: str) -> Response:
    return Response(json.dumps(body), status, headers={name.replace("_", "-"): text for name, text in headers.items()})
