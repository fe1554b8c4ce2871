"""Texts by the words they share with a query."""

import logging
import re
from collections.abc import Sequence
from typing import Any

import bm25s
import numpy as np
from numpy.typing import NDArray

from robustmel.kb.knowledge_base import fold

logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to DEBUG on import

# Chinese, Japanese and Korean put no blanks between words: each of their characters is a word of its own.
UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORD = re.compile(f"[{UNSPACED}]|[^\\W{UNSPACED}]+")


def words(text: str) -> list[str]:
    """Folded words, none left out: one-letter words and stop words are names too ("C", "The Who")."""
    return _WORD.findall(fold(text))


class WordIndex:
    """BM25 over texts (Robertson and Zaragoza, 2009; Lucene's variant as in bm25s).

    Args:
        texts: What is indexed.
        k1: Saturation of repeated words.
        b: Weight of a text's length, 0 to 1.
    """

    def __init__(self, texts: Sequence[str], k1: float = 1.5, b: float = 0.75) -> None:
        entries = [words(text) for text in texts]
        self._size = len(entries)
        self._index: Any = None
        if any(entries):
            self._index = bm25s.BM25(k1=k1, b=b, method="lucene")
            self._index.index(entries, show_progress=False)

    def scores(self, query: str) -> NDArray[np.float32]:
        """float32 (N,), one score a text; 0 where no word is shared."""
        known = [] if self._index is None else [word for word in words(query) if word in self._index.vocab_dict]
        if not known:
            return np.zeros(self._size, dtype=np.float32)
        return np.asarray(self._index.get_scores(known), dtype=np.float32)
