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
        linker: A dual encoder, whose own tokenizer counts; any other linker reads `WORDS` words of a sentence.
    """

    def __init__(self, linker: Any) -> None:
        self._tower = getattr(linker, "text_tower", None)

    @property
    def words(self) -> int:
        """How many words a sentence that is yet to be written should have."""
        return WORDS if self._tower is None else max(1, min(WORDS, self._tower.limit - TOKENS_BESIDE))

    def fits(self, text: str) -> bool:
        """Whether all of a text is read."""
        return len(text.split()) <= 2 * WORDS if self._tower is None else bool(self._tower.fits(text))

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
