"""Candidates by what a surface has meant before."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustmel.candidates.lexical import NameIndex, entity_index
from robustmel.candidates.ranking import require_count
from robustmel.kb import KnowledgeBase
from robustmel.kb.knowledge_base import fold
from robustmel.retrieval.nearest import top
from robustmel.types import Mention


@dataclass(frozen=True)
class Prior:
    """Ranks entities by how often the surface meant them in training, then by name, then by likeness.

    In this order, until the list is full: entities that the (folded) surface stood for in the training split, most frequent
    first; entities with that name or alias, most popular first; entities that share words with it (BM25 over name, aliases
    and description); entities with similar names (character trigrams), then the most popular. Equals keep the order of the
    knowledge base, from a place that the surface decides where only popularity is left. So every list has k entities, confusable ones first, and surfaces never seen in training work too.

    Args:
        k: Length of a list.

    Source:
        The mention-entity prior p(e|m) of Spitkovsky and Chang, "A Cross-Lingual Dictionary for English Wikipedia Concepts",
        LREC 2012.
    """

    k: int = 10

    version: ClassVar[int] = 1
    uses_train: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_count("prior", self.k)

    def candidates(self, mentions: Sequence[Mention], kb: KnowledgeBase, train: Sequence[Mention]) -> list[tuple[str, ...]]:
        """See `CandidateGenerator.candidates`."""
        ranker = _Ranker(kb, train, self.k)
        nearest = {surface: ranker.best(surface) for surface in dict.fromkeys(mention.surface for mention in mentions)}
        return [nearest[mention.surface] for mention in mentions]


class _Ranker:
    def __init__(self, kb: KnowledgeBase, train: Sequence[Mention], k: int) -> None:
        self._kb, self._k = kb, k
        self._words, self._names = entity_index(kb), NameIndex(kb)
        self._place = {entity_id: place for place, entity_id in enumerate(kb.ids)}
        self._popularity = np.array([entity.popularity for entity in kb])
        self._meant: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for mention in train:
            if mention.gold is not None and mention.gold in kb:
                self._meant[fold(mention.surface)][mention.gold] += 1

    def best(self, surface: str) -> tuple[str, ...]:
        nearest: dict[str, None] = {}
        for entity_id in self._all(surface):  # lazily: most lists are full before names are compared
            nearest[entity_id] = None
            if len(nearest) == self._k:
                break
        return tuple(nearest)

    def _all(self, surface: str) -> Iterator[str]:
        meant = self._meant.get(fold(surface), Counter())
        yield from sorted(meant, key=lambda entity_id: (-meant[entity_id], self._place[entity_id]))
        yield from sorted(self._kb.named(surface), key=lambda entity_id: -self._kb[entity_id].popularity)
        wanted = 2 * self._k  # enough, whichever of them stand in the list already
        shared = self._words.scores(surface)
        yield from (self._kb.ids[place] for place in top(shared, wanted) if shared[place] > 0)
        likeness = self._names.scores(surface)
        alike = np.flatnonzero(likeness)
        if len(alike) > wanted:
            alike = alike[likeness[alike] >= np.partition(likeness[alike], -wanted)[-wanted]]
        yield from (self._kb.ids[place] for place in alike[np.lexsort((-self._popularity[alike], -likeness[alike]))])
        # Where nothing tells entities apart, each surface begins elsewhere: else the first ones would fill every list.
        start = int.from_bytes(hashlib.blake2b(fold(surface).encode("utf-8", "replace"), digest_size=8).digest()) % len(shared)
        turned = (np.arange(len(shared)) - start) % len(shared)
        yield from (self._kb.ids[place] for place in np.lexsort((turned, -self._popularity)))
