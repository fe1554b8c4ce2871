"""Entities by how much their words, or the letters of their names, resemble a query."""

from collections import defaultdict
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from robustmel.kb import KnowledgeBase
from robustmel.kb.knowledge_base import fold
from robustmel.retrieval.word_index import WordIndex


def entity_index(kb: KnowledgeBase, k1: float = 1.5, b: float = 0.75) -> WordIndex:
    """BM25 over name, aliases and description of every entity, in knowledge-base order; see `WordIndex`."""
    return WordIndex([" ".join((entity.name, *entity.aliases, entity.description)) for entity in kb], k1, b)


class NameIndex:
    """Likeness of names by Dice's coefficient of their character trigrams; an entity counts by its best name."""

    def __init__(self, kb: KnowledgeBase) -> None:
        self._kb = kb

    @cached_property
    def _names(self) -> tuple[NDArray[np.intp], NDArray[np.float64], dict[str, NDArray[np.intp]]]:
        """Entity of each name, its number of trigrams, and the names that hold each trigram."""
        owners: list[int] = []
        sizes: list[int] = []
        holders: defaultdict[str, list[int]] = defaultdict(list)
        for position, entity in enumerate(self._kb):
            for name in (entity.name, *entity.aliases):
                pieces = trigrams(name)
                for piece in pieces:
                    holders[piece].append(len(owners))
                owners.append(position)
                sizes.append(len(pieces))
        postings = {piece: np.asarray(names, dtype=np.intp) for piece, names in holders.items()}
        return np.asarray(owners, dtype=np.intp), np.asarray(sizes, dtype=np.float64), postings

    def scores(self, surface: str) -> NDArray[np.float64]:
        """float64 (N,) in [0, 1], one likeness an entity in knowledge-base order."""
        owners, sizes, postings = self._names
        pieces = trigrams(surface)
        shared = np.zeros(len(owners))
        for piece in pieces & postings.keys():
            shared[postings[piece]] += 1
        touched = np.flatnonzero(shared)
        likeness = np.zeros(len(self._kb))
        np.maximum.at(likeness, owners[touched], 2 * shared[touched] / (sizes[touched] + len(pieces)))
        return likeness


def trigrams(name: str) -> set[str]:
    """The character trigrams of a folded name with a blank before and after it."""
    padded = f" {fold(name)} "
    return {padded[start : start + 3] for start in range(len(padded) - 2)}
