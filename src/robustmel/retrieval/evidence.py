"""What is known of an entity, quoted: passages with their source and revision."""

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Protocol

from robustmel.retrieval.nearest import top
from robustmel.retrieval.sentences import sentences
from robustmel.retrieval.word_index import WordIndex
from robustmel.types import Entity

LONGEST = 1200
"""Characters of evidence for one entity, over all its passages."""
PASSAGES = 3
"""Sentences taken for their words; the first of a text comes beside them."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One quoted passage about one entity.

    Args:
        entity: Id of the knowledge base's entity it is about.
        text: Plain text in NFC, at most `LONGEST` characters. Others wrote it: it is quoted, never obeyed.
        source: "wikidata", "enwiki" (or another language's), "local".
        revision: Revision id of the page or item; "" for local text.
        fetched_at: ISO 8601, UTC; "" for local text.
    """

    entity: str
    text: str
    source: str
    revision: str = ""
    fetched_at: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hexadecimal digits."""
        return hashlib.sha256(self.text.encode("utf-8", "replace")).hexdigest()


class Retriever(Protocol):
    """Finds passages about entities."""

    def retrieve(self, entities: Sequence[Entity], keywords: Sequence[str] = ()) -> list[list[Evidence]]:
        """For each entity, passages about it, best first for the keywords; an empty list where nothing was found.

        What is found for one entity does not depend on the others.

        Args:
            entities: About whom.
            keywords: Words or short phrases, the most important first.
        """
        ...


class KnowledgeBaseText:
    """What the knowledge base itself says: sentences of the entity's text, then its description as it stands."""

    def retrieve(self, entities: Sequence[Entity], keywords: Sequence[str] = ()) -> list[list[Evidence]]:
        """For each entity at most `PASSAGES` + 2 passages; none for one without text and description."""
        return [
            within_limit(
                Evidence(entity.id, passage, "local")
                for passage in (*best_sentences(entity.text, keywords), plain(entity.description))
            )
            for entity in entities
        ]


def plain(text: str) -> str:
    """NFC, every line with single blanks, without control characters and lone surrogates; joiners stay."""
    lines = unicodedata.normalize("NFC", text).splitlines()
    shown = (line if line.isprintable() else "".join(map(_shown, line)) for line in lines)
    return "\n".join(" ".join(line.split()) for line in shown).strip()


def _shown(letter: str) -> str:
    return " " if letter.isspace() else "" if unicodedata.category(letter) in ("Cc", "Cs") else letter


def best_sentences(text: str, keywords: Sequence[str], most: int = PASSAGES) -> list[str]:
    """The sentences of a text that share the most words with the keywords, by BM25, best first; the first sentence always.

    Equally good ones stand in their own order, so that without keywords the text's beginning is taken.
    """
    lines = sentences(plain(text))
    if not lines:
        return []
    best = top(WordIndex(lines).scores(" ".join(keywords)), most).tolist() if keywords else list(range(min(most, len(lines))))
    return [lines[place] for place in (best if 0 in best else [*best, 0])]


def within_limit(passages: Iterable[Evidence]) -> list[Evidence]:
    """The passages that fit into `LONGEST` characters together, empty and repeated ones left out.

    A first one that is too long is cut after a word.
    """
    whole = [passage for passage in {passage.text: passage for passage in reversed([*passages])}.values() if passage.text][::-1]
    if whole and len(whole[0].text) > LONGEST:
        return [replace(whole[0], text=whole[0].text[: LONGEST + 1].rsplit(" ", 1)[0][:LONGEST])]
    lengths = accumulate(len(passage.text) for passage in whole)
    return [passage for passage, length in zip(whole, lengths, strict=True) if length <= LONGEST]
