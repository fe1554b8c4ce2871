"""Evidence out of pages: the entity's own, else what other pages say of it by name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from robustmel.kb.knowledge_base import fold
from robustmel.retrieval.evidence import Evidence, best_sentences, within_limit
from robustmel.retrieval.sentences import sentences
from robustmel.types import Entity

BACK_OFF = (8, 3, 0)
"""Keywords in a search, until one finds the entity's own page: three descriptors and five words of the context, and so on."""


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
    another's is evidence only by those of its sentences that hold the entity's name: the others describe something else.
    """

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    @property
    def unanswered(self) -> int:
        """How often what was asked for could not be had: no evidence is another thing."""
        return getattr(self.pages, "unanswered", 0)

    def retrieve(self, entities: Sequence[Entity], keywords: Sequence[str] = ()) -> list[list[Evidence]]:
        """For each entity, passages about it, best first for the keywords."""
        evidence = []
        for entity, own in zip(entities, self.pages.of(entities), strict=True):
            prose = [page for page in own if not page.brief] or self._searched(entity, keywords)
            evidence.append(_quoted(entity, [*prose, *(page for page in own if page.brief)], keywords))
        return evidence

    def _searched(self, entity: Entity, keywords: Sequence[str]) -> list[Page]:
        others: list[Page] = []
        for count in dict.fromkeys(min(most, len(keywords)) for most in BACK_OFF):
            hits = self.pages.search(entity, keywords[:count])
            if own := [page for page in hits if _is_about(page, entity)]:
                return own[:1]
            others = others or [named for page in hits if (named := _naming(page, entity.name)).text]
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
