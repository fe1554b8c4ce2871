"""Pages about entities, from Wikidata and Wikipedia."""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from robustmel.errors import UsageError
from robustmel.fetch.bounds import Pace
from robustmel.fetch.client import PoliteClient
from robustmel.fetch.hosts import Hosts
from robustmel.retrieval.evidence_store import EvidenceStore, Payload
from robustmel.retrieval.pages import Page
from robustmel.retrieval.wikimedia import articles, items
from robustmel.retrieval.wikimedia.action_api import ActionApi, in_batches
from robustmel.retrieval.wikimedia.settled import SettledArticles
from robustmel.types import Entity

log = logging.getLogger(__name__)
MAX_BYTES = 5 * 2**20
DEADLINE = 60.0
PER_MINUTE = 60.0
"""Requests; what Wikimedia allows is not published, so a busy answer lowers it."""


class Encyclopaedia:
    """The `Pages` of `PageText` on the web: for 1,000 entities about 70 requests, and one to three for each without an article.

    Args:
        store: File in which what was fetched is kept (`EvidenceStore`).
        contact: A mail address or web page of whoever runs this; not needed offline.
        offline: Nothing is fetched; what the store lacks is an error.
        language: Of Wikipedia, and of labels and descriptions.
        older: Days after which what the store holds is fetched again; None never.
        min_age: Days that a revision of an article must have stood; what was edited since is read as it was before (0: as it is now).
        per_minute: Requests.
        client: Asks; replaced in tests, as the addresses.
        wikidata: Of its api.php.
        wikipedia: Likewise.

    Raises:
        UsageError: There is no contact.
        MissingError: The store cannot be used.
    """

    def __init__(
        self,
        store: Path | str,
        contact: str = "",
        offline: bool = False,
        language: str = "en",
        older: float | None = None,
        per_minute: float = PER_MINUTE,
        client: PoliteClient | None = None,
        wikidata: str = "https://www.wikidata.org/w/api.php",
        wikipedia: str = "",
        min_age: float = 0.0,
    ) -> None:
        if not language.replace("-", "").isalnum() or not language.isascii():
            raise UsageError(f'"{language}" is no language of Wikipedia; give its code, such as "en".')
        hosts = Hosts(("www.wikidata.org", f"{language}.wikipedia.org"))
        if client is None and not offline:
            client = PoliteClient(contact, hosts, max_bytes=MAX_BYTES, deadline=DEADLINE, pace=Pace(per_minute))
        if not 0 <= min_age <= 36_500:
            raise UsageError(f"min_age = {min_age} is no number of days, at most a hundred years.")
        self.store, self._language = EvidenceStore(store, offline, older), language
        self._settled = SettledArticles(datetime.now(UTC) - timedelta(days=min_age)) if min_age else None
        self._kept_as = f" {min_age:g} days" if min_age else ""
        self.failed: dict[str, str] = {}
        """What could not be fetched (an id, a title, a query) and why: nothing was found there is another thing."""
        self.unanswered = 0
        """How often something could not be fetched."""
        self._own_items: dict[str, Payload] = {}
        wikipedia = wikipedia or f"https://{language}.wikipedia.org/w/api.php"
        self._wikidata = ActionApi(client, wikidata) if client else None
        self._wikipedia = ActionApi(client, wikipedia) if client else None

    def of(self, entities: Sequence[Entity]) -> list[list[Page]]:
        """For each entity its article, if it has one of its own, and its description."""
        qids = [_qid(entity) for entity in entities]
        self._own_items |= (own_items := self._items([qid for qid in qids if qid]))
        titles = [
            articles.title_of(own_items[qid].value["article"] if _value(own_items.get(qid)) else "" if qid else entity.name)
            for qid, entity in zip(qids, entities, strict=True)
        ]
        asked = [title for title in titles if title]
        own_articles = self._payloads("article", asked, articles.AT_ONCE, self._articles, self._wikipedia)
        pages = []
        for qid, title in zip(qids, titles, strict=True):
            item, article = own_items.get(qid), own_articles.get(title)
            prose = [self._page(article.value, article.fetched_at, item)] if article is not None and article.value else []
            pages.append([page for page in prose if not qid or page.item == qid] + _description(qid, item))
        return pages

    def search(self, entity: Entity, keywords: Sequence[str]) -> list[Page]:
        """The few best articles that hold the entity's name and every keyword."""
        if not (query := articles.search_query(entity.name, list(keywords))):
            return []
        item = self._own_items.get(_qid(entity))
        hits = self._payloads("search", [query], 1, self._search, self._wikipedia).get(query)
        return [self._page(article, hits.fetched_at, item) for article in hits.value] if hits is not None else []

    def items(self, qids: Sequence[str]) -> dict[str, str]:
        """Item asked for -> the item that it is today, itself or what it was merged into; "" for one that is gone.

        Those that could not be fetched are not among them: see `failed`.
        """
        return {qid: payload.value["id"] if payload.value else "" for qid, payload in self._items(qids).items()}

    def _items(self, qids: Sequence[str]) -> dict[str, Payload]:
        def fetch(api: ActionApi, some: list[str]) -> dict[str, tuple[Any, str]]:
            return items.fetch_items(api, some, self._language)

        return self._payloads("item", qids, items.AT_ONCE, fetch, self._wikidata)

    def _payloads(
        self,
        kind: str,
        asked: Sequence[str],
        most: int,
        fetch: Callable[[ActionApi, list[str]], dict[str, tuple[Any, str]]],
        api: ActionApi | None,
    ) -> dict[str, Payload]:
        def batches(wanted: list[str]) -> Iterator[dict[str, tuple[Any, str]]]:
            assert api is not None  # offline, nothing is fetched
            failed: dict[str, str] = {}
            yield from in_batches(api, wanted, most, fetch, failed)
            if failed and not self.failed:
                log.warning(
                    "%d of %d could not be fetched (%s): %s", len(failed), len(wanted), kind, next(iter(failed.values()))
                )
            self.failed |= failed
            self.unanswered += len(failed)

        drifted = self.store.drifted
        kept_as = "" if kind == "item" else self._kept_as
        version = 2 if kind == "search" else 1  # searches of version 1 had five hits
        payloads = self.store.payloads(f"{kind} {self._language} {version}{kept_as}", asked, batches)
        if self.store.drifted > drifted:
            log.warning("KB drift: %d pages have another revision than before (%s).", self.store.drifted - drifted, kind)
        return payloads

    def _articles(self, api: ActionApi, titles: list[str]) -> dict[str, tuple[Any, str]]:
        found = articles.fetch_articles(api, titles)
        if self._settled is None:
            return found
        there = {title: article for title, (article, _) in found.items() if article}
        settled = dict(zip(there, self._settled.of(api, there.values()), strict=True))
        return {
            title: (article, article["revision"] if article else "") for title, article in ((t, settled.get(t)) for t in titles)
        }

    def _search(self, api: ActionApi, queries: list[str]) -> dict[str, tuple[Any, str]]:
        found = {query: articles.search_articles(api, query) for query in queries}
        if self._settled is not None:
            found = {query: [hit for hit in self._settled.of(api, hits) if hit] for query, hits in found.items()}
        return {query: (hits, "|".join(hit["revision"] for hit in hits)) for query, hits in found.items()}

    def _page(self, article: articles.Article, fetched_at: str, item: Payload | None) -> Page:
        """An article whose item is the entity's, merged or not, bears the id by which it was asked for."""
        own, about = _value(item), article["item"]
        asked = own["asked"] if own and own["id"] == about else about
        return Page(article["title"], article["text"], f"{self._language}wiki", asked, article["revision"], fetched_at)


def _qid(entity: Entity) -> str:
    return next((text for text in (entity.qid, entity.id) if text and items.is_qid(text)), "")


def _value(payload: Payload | None) -> Any:
    return payload.value if payload is not None else None


def _description(qid: str, item: Payload | None) -> list[Page]:
    value = _value(item)
    if item is None or not value or not value["description"]:
        return []
    return [Page(value["label"], value["description"], "wikidata", qid, item.revision, item.fetched_at, brief=True)]
