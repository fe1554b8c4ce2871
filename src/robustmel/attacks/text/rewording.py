"""From a sentence and another wording of it to the changes between them, with some pieces kept."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import chain, pairwise

from robustmel.attacks.text.editable_text import EditableText
from robustmel.attacks.text.words import Span, words
from robustmel.types import TextChange

ACTION = "reword"
MARKERS = ("[START_ENT]", "[END_ENT]")


def kept_pieces(text: str, protected: Sequence[Span]) -> re.Pattern[str] | None:
    """What finds every place, in this text or another, where a protected piece or a marker stands; None where nothing is protected."""
    pieces = {text[start:end] for start, end in protected if start < end}
    return re.compile("|".join(map(re.escape, sorted(pieces.union(MARKERS), key=len, reverse=True)))) if pieces else None


def rewording(text: EditableText, pieces: re.Pattern[str] | None, new: str) -> tuple[TextChange, ...] | None:
    """The changes that make another wording of a text, word by word, none of them within a kept piece.

    Args:
        text: As it is.
        pieces: Of `kept_pieces`.
        new: The other wording.

    Returns:
        None where the other wording has not the same pieces in the same order, or where no graphemes part them as in the text.
    """
    old = text.query.text
    kept, again = ([] if pieces is None else [match.span() for match in pieces.finditer(side)] for side in (old, new))
    if [old[slice(*span)] for span in kept] != [new[slice(*span)] for span in again]:
        return None
    if any(span not in kept for span in text.protected):
        return None
    places = list(zip(_between(kept, len(old)), _between(again, len(new)), strict=True))
    by_word = tuple(chain.from_iterable(_changed(old, new, *both) for both in places))
    if text.sound(by_word):
        return by_word
    whole = tuple(_change(old, new, *both) for both in places if old[slice(*both[0])] != new[slice(*both[1])])
    return whole if text.sound(whole) else None


def _between(spans: Sequence[Span], length: int) -> list[Span]:
    """What lies before, between and after some spans."""
    return [(left[1], right[0]) for left, right in pairwise([(0, 0), *spans, (length, length)])]


def _changed(old: str, new: str, place: Span, other: Span) -> Iterator[TextChange]:
    """The changes of one piece between kept ones."""
    tokens, others = _tokens(old[slice(*place)]), _tokens(new[slice(*other)])
    starts, theirs = (_starts(listed, span[0]) for listed, span in ((tokens, place), (others, other)))
    for kind, left, right, begin, end in SequenceMatcher(None, tokens, others, autojunk=False).get_opcodes():
        if kind != "equal":
            yield _change(old, new, (starts[left], starts[right]), (theirs[begin], theirs[end]))


def _change(old: str, new: str, place: Span, other: Span) -> TextChange:
    return TextChange(*place, old[slice(*place)], new[slice(*other)], ACTION)


def _tokens(text: str) -> list[str]:
    """Its words, and what stands between them."""
    ends = sorted({0, len(text), *chain.from_iterable(words(text))})
    return [text[start:end] for start, end in pairwise(ends)]


def _starts(tokens: Sequence[str], first: int) -> list[int]:
    """Where each begins, and where the last one ends."""
    places = [first]
    for token in tokens:
        places.append(places[-1] + len(token))
    return places
