"""Sentences brought to what a linker's text encoder reads: cut on purpose, never by the tokenizer."""

import re
from typing import Any

_CLAUSE = re.compile(r"(?<=\S)(?:[,;:.!?)]+(?=\s|$)|\s+[—–-]+(?=\s)|[。，；、])")
_WORD = re.compile(r"(?<=\S)(?=\s)")

WORDS = 40
"""Of a sentence where a linker states no limit."""

TOKENS_BESIDE = 8
"""Of the limit, which a written sentence leaves to what stands before it."""


class TokenBudget:
    """What one linker reads of a text.

    Args:
        linker: A dual encoder, whose own tokenizer counts, or one that shows all sentences in one context and says what room each has; any
            other linker reads `WORDS` words of a sentence.
        candidates: So many have sentences.
    """

    def __init__(self, linker: Any, candidates: int = 1) -> None:
        self._tower = getattr(linker, "text_tower", None)
        self._linker = linker
        self._room: int | None = linker.room_for(candidates) if hasattr(linker, "room_for") else None

    def shared_by(self, candidates: int) -> "TokenBudget":
        """The same for a query of so many candidates."""
        return self if self._room is None else TokenBudget(self._linker, candidates)

    @property
    def words(self) -> int:
        """How many words a sentence that is yet to be written should have."""
        limit = self._room if self._tower is None else self._tower.limit
        return WORDS if limit is None else max(1, min(WORDS, limit - TOKENS_BESIDE))

    def fits(self, text: str) -> bool:
        """Whether all of a text is read."""
        if self._tower is not None:
            return bool(self._tower.fits(text))
        return len(text.split()) <= 2 * WORDS and (self._room is None or self._linker.tokens_of(text) <= self._room)

    def within(self, before: str, sentence: str) -> str | None:
        """`before` and as much of the sentence as fits: all, else up to the last clause that fits, else to the last word; None where no word does."""
        if self.fits(before + sentence):
            return before + sentence
        for boundary in (_CLAUSE, _WORD):
            ends = [match.start() for match in boundary.finditer(sentence)]
            fitting = next((end for end in reversed(ends) if self.fits(before + sentence[:end])), None)
            if fitting is not None:
                return before + sentence[:fitting]
        return None
