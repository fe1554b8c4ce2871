"""Entities by how much their words, or the letters of their names, resemble a query."""

import logging
import re
from collections import defaultdict
from functools import cached_property
from typing import Any

import bm25s
import numpy as np
from numpy.typing import NDArray

from robustmel.kb import KnowledgeBase
from robustmel.kb.knowledge_base import fold

logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to DEBUG on import

# Chinese, Japanese and Korean put no blanks between words: each of their characters is a word of its own.
_WORD = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]|[^\\W\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+"
)


def words(text: str) -> list[str]:
    """Folded words, none left out: one-letter words and stop words are names too ("C", "The Who")."""
    return _WORD.findall(fold(text))


class WordIndex:
    """BM25 over name, aliases and description (Robertson and Zaragoza, 2009; Lucene's variant as in bm25s).

    Args:
        kb: What is indexed.
        k1: Saturation of repeated words.
        b: Weight of the entry's length, 0 to 1.
    """

    def __init__(self, kb: KnowledgeBase, k1: float = 1.5, b: float = 0.75) -> None:
        entries = [words(" ".join((entity.name, *entity.aliases, entity.description))) for entity in kb]
        self._size = len(entries)
        self._index: Any = None
        if any(entries):
            self._index = bm25s.BM25(k1=k1, b=b, method="lucene")
            self._index.index(entries, show_progress=False)

    def scores(self, query: str) -> NDArray[np.float32]:
        """float32 (N,), one score an entity in knowledge-base order; 0 where no word is shared."""
        known = [] if self._index is None else [word for word in words(query) if word in self._index.vocab_dict]
        if not known:
            return np.zeros(self._size, dtype=np.float32)
        return np.asarray(self._index.get_scores(known), dtype=np.float32)


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
