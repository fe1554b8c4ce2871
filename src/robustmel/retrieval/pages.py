"""Evidence out of pages: the entity's own, else what other pages say of it by name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

from robustmel.kb.knowledge_base import KnowledgeBase, fold
from robustmel.retrieval.evidence import Evidence, best_sentences, within_limit
from robustmel.retrieval.sentences import sentences
from robustmel.types import Entity

BACK_OFF = (8, 3, 0)
"""Keywords in a search, until one finds the entity's own page: three descriptors and five words of the context, and so on."""


OTHERS = 5
"""Pages of others that speak of an entity; searches find more, so that a few edited ones push none of these out."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page, or a short description.

    Args:
        title: Of the page, or the label of the item.
        text: Its introduction, plain.
        source: As in `Evidence`.
        item: Id of what it is about (a Wikidata id, an entity's id); "" where that is not known.
        revision: As in `Evidence`.
        fetched_at: As in `Evidence`.
        brief: It is no prose but a description: prose is searched for all the same.
    """

    title: str
    text: str
    source: str
    item: str = ""
    revision: str = ""
    fetched_at: str = ""
    brief: bool = False


class Pages(Protocol):
    """Where pages are looked up and searched."""

    def of(self, entities: Sequence[Entity]) -> list[list[Page]]:
        """For each entity the pages about it, prose first."""
        ...

    def search(self, entity: Entity, keywords: Sequence[str]) -> list[Page]:
        """A few pages that hold the entity's name and every keyword, the best first."""
        ...


class PageText:
    """A `Retriever` over pages.

    An entity without a page of its own is searched for by its name and the keywords, fewer of them each time. A page that is
    another's is evidence only by those of its sentences that hold the entity's name: the others describe something else. A page
    that is known to be about another entity of the knowledge base is none: whoever edits it moves that entity's evidence alone.

    Args:
        pages: Where they are looked up and searched.
        kb: The entities that have pages of their own; without it, any page may speak of an entity.
    """

    version: ClassVar[int] = 2

    def __init__(self, pages: Pages, kb: KnowledgeBase | None = None) -> None:
        self.pages, self._kb = pages, kb

    @property
    def unanswered(self) -> int:
        """How often what was asked for could not be had: no evidence is another thing."""
        return getattr(self.pages, "unanswered", 0)

    def retrieve(self, entities: Sequence[Entity], keywords: Sequence[str] = ()) -> list[list[Evidence]]:
        """For each entity, passages about it, best first for the keywords."""
        evidence = []
        for entity, found in zip(entities, self.pages.of(entities), strict=True):
            own = [page for page in found if not self._is_another_s(page, entity)]
            prose = [page for page in own if not page.brief] or self._searched(entity, keywords)
            evidence.append(_quoted(entity, [*prose, *(page for page in own if page.brief)], keywords))
        return evidence

    def _is_another_s(self, page: Page, entity: Entity) -> bool:
        """Whether it is about another entity of the knowledge base: by its item where it has one, else by a title that the entity has not."""
        if self._kb is None:
            return False
        if page.item:
            return page.item not in (entity.id, entity.qid) and (page.item in self._kb or page.item in self._items)
        named = self._kb.named(page.title)
        return bool(named) and entity.id not in named

    @cached_property
    def _items(self) -> frozenset[str]:
        """Wikidata ids of entities that have ids of their own."""
        return frozenset(entity.qid for entity in self._kb or () if entity.qid and entity.qid != entity.id)

    def _searched(self, entity: Entity, keywords: Sequence[str]) -> list[Page]:
        others: list[Page] = []
        for count in dict.fromkeys(min(most, len(keywords)) for most in BACK_OFF):
            hits = [page for page in self.pages.search(entity, keywords[:count]) if not self._is_another_s(page, entity)]
            if own := [page for page in hits if _is_about(page, entity)]:
                return own[:1]
            others = others or [named for page in hits if (named := _naming(page, entity.name)).text][:OTHERS]
        return others


def _is_about(page: Page, entity: Entity) -> bool:
    """By the item where both name one, else by the title."""
    if page.item and entity.qid:
        return page.item == entity.qid
    return page.item == entity.id or fold(page.title) == fold(entity.name)


def _naming(page: Page, label: str) -> Page:
    """Only the sentences that hold the label as a word of its own."""
    holds = re.compile(rf"(?<!\w){re.escape(fold(label))}(?!\w)")
    text = "\n".join(sentence for sentence in sentences(page.text) if label.strip() and holds.search(fold(sentence)))
    return Page(page.title, text, page.source, page.item, page.revision, page.fetched_at)


def _quoted(entity: Entity, pages: Sequence[Page], keywords: Sequence[str]) -> list[Evidence]:
    return within_limit(
        Evidence(entity.id, sentence, page.source, page.revision, page.fetched_at)
        for page in pages
        for sentence in best_sentences(page.text, keywords)
    )
