"""Descriptions of wrong entities, written so that images look like them (MM-PoisonRAG; Ha et al., 2025)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, ClassVar, Literal

from robustmel.attacks.knowledge.pages import Impostor, PageAttack, by_page, impostors
from robustmel.attacks.quantities import at_least_one, one_of
from robustmel.defences.detectors.representations import encoder_files
from robustmel.errors import ImageError, UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.retrieval.word_index import words
from robustmel.types import Entity, EntityEdit, Query

MOST_QUERIES = 32
"""Images, at most, that one caption is written for."""

RAREST, COMMONEST = 2, 0.2
"""A word of the vocabulary is said of at least so many entities, and of at most this share of them."""


@dataclass(frozen=True)
class CaptionPoison(PageAttack):
    """Describes a wrong candidate so that the images of the right one look like it (MM-PoisonRAG; Ha et al., 2025).

    Word by word, of a few drawn from the knowledge base's descriptions the one is added that brings an encoder's embedding of "a photo of
    NAME, WORDS" nearest to those of the images; the encoder is the linker's own, or stands for one that is not known. The paper changes the
    pictures of the entities too; no linker here reads those.

    Args:
        scope: "local": for each wrong candidate words for the images that it shall be taken for. "global": the same words, for all images,
            in every page.
        encoder: A dual encoder.
        words: At most; fewer where none brings it nearer.
        tries: Words compared each time.

    Raises:
        UsageError: A value is out of its range, or the encoder embeds no images.

    Source:
        Ha et al., "MM-PoisonRAG: Disrupting Multimodal RAG with Local and Global Poisoning Attacks", 2025, sections 3.2 and 3.3, with words
        in place of pixels.
    """

    scope: Literal["local", "global"] = "local"
    encoder: str = "clip-world"
    words: int = 6
    tries: int = 24

    random: ClassVar[bool] = True
    writes: ClassVar[tuple[str, ...]] = ("description", "text")

    def __post_init__(self) -> None:
        """Checks the values."""
        one_of("scope", self.scope, "local", "global")
        at_least_one("words", self.words)
        at_least_one("tries", self.tries)
        if not hasattr(LINKERS.load(self.encoder), "embed_texts"):
            raise UsageError(f'encoder = "{self.encoder}" embeds no images; name a dual encoder, such as "clip-world".')

    @classmethod
    def assets(cls, *, encoder: str, **_: object) -> tuple[Path, ...]:
        """The files of the encoder."""
        return encoder_files(encoder)

    def perturb(
        self, queries: Sequence[Query], kb: KnowledgeBase, gold: Sequence[str | None], seeds: Sequence[int]
    ) -> list[EntityEdit]:
        """See `KnowledgeAttack.perturb`."""
        pages, vocabulary = by_page(impostors(queries, kb, gold)), described_words(kb)
        by_query = dict(zip((query.id for query in queries), seeds, strict=True))
        if not pages or not vocabulary:
            return []
        if self.scope == "local":
            captions = {
                page: self.caption(kb[page].name, _asking(here), vocabulary, Random(by_query[here[0].queries[0].id]))
                for page, here in pages.items()
            }
        else:
            everyone = _asking([impostor for here in pages.values() for impostor in here])
            captions = dict.fromkeys(pages, self.caption("", everyone, vocabulary, Random(by_query[everyone[0].id])))
        return [self._edit(kb[page], caption) for page, caption in captions.items()]

    def caption(self, name: str, queries: Sequence[Query], vocabulary: Sequence[str], draw: Random) -> str:
        """Words for the images of some queries; "" where none of these can be used."""
        chosen: list[str] = []
        best = float("-inf")
        for _ in range(self.words):
            tried = draw.sample(vocabulary, min(self.tries, len(vocabulary)))
            texts = [f"a photo of {', '.join(filter(None, (name, ' '.join([*chosen, word]))))}" for word in tried]
            likeness = _likeness(self.encoder, texts, queries)
            if not likeness or max(likeness) <= best:
                break
            best = max(likeness)
            chosen.append(tried[likeness.index(best)])
        return " ".join(chosen)

    def _edit(self, entity: Entity, caption: str) -> EntityEdit:
        if not caption:
            return EntityEdit(entity.id, note="no image of its mentions can be used")
        return EntityEdit(entity.id, description=caption, text=f"{entity.name}, {caption}. {entity.text}".strip())


def _asking(here: Sequence[Impostor]) -> list[Query]:
    return list({query.id: query for impostor in here for query in impostor.queries}.values())[:MOST_QUERIES]


def _likeness(encoder: str, texts: Sequence[str], queries: Sequence[Query]) -> list[float]:
    """The mean cosine of each text with the images of the queries; [] where none of these can be used."""
    linker: Any = _encoder(encoder, len(texts))
    labels = dict(zip(linker.kb.ids, texts, strict=True))
    rows = []
    for query in queries:
        try:
            rows.append(linker.scores([replace(query, candidates=linker.kb.ids, labels=labels)], "I2T")[0].tolist())
        except ImageError:
            continue
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


@cache
def _encoder(name: str, texts: int) -> Any:
    return LINKERS.create(name, KnowledgeBase(Entity(f"{place}", f"{place}") for place in range(texts)))


def described_words(kb: KnowledgeBase) -> list[str]:
    """The words that tell entities of a knowledge base apart and name none, in alphabetical order."""
    names = {word for entity in kb for name in (entity.name, *entity.aliases) for word in words(name)}
    said = Counter(word for entity in kb for word in set(words(f"{entity.description} {entity.text}")))
    return sorted(
        word for word, count in said.items() if RAREST <= count <= COMMONEST * len(kb) and word.isalpha() and word not in names
    )
