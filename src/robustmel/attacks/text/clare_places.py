"""Where CLARE may edit a text, and what it asks a masked language model about each place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from robustmel.attacks.contract import replayed
from robustmel.attacks.text.masked_lm import Gap
from robustmel.attacks.text.words import Span, apart, is_unspaced, words
from robustmel.types import TextChange

Mergeable = Callable[[Span, Span], bool]
"""Two neighbouring words -> whether one word may stand for both."""


class Place(NamedTuple):
    """A word to replace, a start of a word before which to insert one, or two words to merge into one.

    Args:
        start: First character.
        end: The character after the last one.
        action: "replace", "insert" or "merge".
        after: What follows the new word: a blank, where one is inserted between blanks.
    """

    start: int
    end: int
    action: str
    after: str = ""

    def free(self, changes: Sequence[TextChange]) -> bool:
        """Whether no change touches a character of it or reaches across it, and nothing is inserted there yet."""
        span = (self.start, self.end)
        return apart(span, [change[:2] for change in changes]) and all(change[:2] != span for change in changes)

    def gap(self, text: str, changes: Sequence[TextChange]) -> Gap:
        """What stands around it in the text after some changes."""
        shift = sum(len(change.new) - len(change.old) for change in changes if change.end <= self.start)
        edited = replayed(text, changes) or ""
        return Gap(edited[: self.start + shift], self.after + edited[self.end + shift :])

    def change(self, text: str, word: str) -> TextChange:
        """The edit that puts a word here."""
        return TextChange(self.start, self.end, text[self.start : self.end], word + self.after, self.action)


def places(text: str, protected: Sequence[Span], replaceable: Sequence[Span], mergeable: Mergeable) -> list[Place]:
    """All of a text, in order.

    Args:
        text: As it is.
        protected: What stays; see `protected_spans`. Nothing is inserted between a marker and the mention either.
        replaceable: The words that may be replaced.
        mergeable: Asked of every two words with blanks alone between them.
    """
    closed, neighbours = _with_blanks_between(text, protected), list(pairwise(words(text)))
    made = [Place(*span, "replace") for span in replaceable]
    for (start, middle), (begin, end) in neighbours:
        between = text[middle:begin]
        unspaced = not between and is_unspaced(text[start:middle]) and is_unspaced(text[begin:end])
        if (unspaced or between[-1:].isspace()) and apart((begin, begin), closed):
            made.append(Place(begin, begin, "insert", " " if between else ""))
        blank = bool(between) and not between.strip(" ")
        if blank and apart((start, end), protected) and mergeable((start, middle), (begin, end)):
            made.append(Place(start, end, "merge"))
    return sorted(made)


def _with_blanks_between(text: str, spans: Sequence[Span]) -> list[Span]:
    """Spans, those with nothing but blanks between them as one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and not text[joined[-1][1] : start].strip():
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
