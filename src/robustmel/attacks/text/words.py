"""Words and graphemes of a sentence by character offsets, and the spans that an attack must leave alone."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import regex

from robustmel.types import Query, TextChange

Span = tuple[int, int]
Word = re.Match[str]
"""Or one of the `regex` library, which is alike."""
Protect = Literal["mention", "markers", "none"]

_UNSPACED = r"[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_UNSPACED_LETTER = regex.compile(rf"(?V1){_UNSPACED}")
_START, _REST = rf"[\p{{L}}\p{{N}}--{_UNSPACED}]", rf"[\p{{L}}\p{{N}}\p{{M}}\u200c\u200d--{_UNSPACED}]*"
_WORD = regex.compile(rf"(?V1)(?=[\p{{L}}\p{{N}}])(?={_UNSPACED})\X|{_START}{_REST}(?:['’-]{_START}{_REST})*")
_ASCII_WORD, _PLAIN_WORD = re.compile(r"[A-Za-z0-9]++(?:['-][A-Za-z0-9]++)*+"), re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
"""The same for ASCII and for plain text (`is_plain`) alone, several times as fast."""

_GRAPHEME = regex.compile(r"\X")
_NOT_PLAIN = re.compile("[^\x00-\x0c\x0e-\u02ff\u0370-\u0482\u2010-\u2027\u2030-\u205e]")
"""Latin, Greek, Cyrillic and punctuation are left out: none of their characters joins another, whatever it is put beside."""
_MARKER = re.compile(r"\[(?:START|END)_ENT\]")

STOP_WORDS = frozenset(
    """a about above after again against ain all am an and any are aren as at be because been before being below between both but by
    can cannot could couldn d did didn do does doesn doing don down during each few for from further had hadn has hasn have haven
    having he her here hers herself him himself his how i if in into is isn it its itself just ll m ma me mightn more most mustn my
    myself needn no nor not now o of off on once only or other our ours ourselves out over own re s same shan she should shouldn so
    some such t than that the their theirs them themselves then there these they this those through to too under until up ve very was
    wasn we were weren what when where which while who whom why will with won would wouldn y you your yours yourself yourselves
    """.split()  # noqa: SIM905
)
"""English function words."""


def words(text: str) -> list[Span]:
    """[start, end) of every word, in order; no grapheme is cut.

    A word is a run of letters, digits and marks, with apostrophes and hyphens inside. In scripts without spaces between words (Han,
    kana, Thai, Lao, Khmer, Burmese) every grapheme is one.
    """
    return [word.span() for word in found_words(text)]


def found_words(text: str) -> list[Word]:
    """The words as matches: of one, `word[0]` is its text and `word.span()` its place."""
    if text.isascii():
        return [*_ASCII_WORD.finditer(text)]
    if is_plain(text):
        return [*_PLAIN_WORD.finditer(text)]
    ends = boundaries(text)
    return [word for word in _WORD.finditer(text) if {*word.span()} <= ends]


def is_word(text: str) -> bool:
    """Whether all of a text is one word."""
    return words(text) == [(0, len(text))]


def is_unspaced(word: str) -> bool:
    """Whether a word begins in a script without spaces between words."""
    return not word.isascii() and _UNSPACED_LETTER.match(word) is not None


def script_of(text: str) -> str:
    """What Unicode calls the script of a text's first letter ("LATIN", "CJK"), "" without a letter."""
    letter = next(filter(str.isalpha, text), "")
    return unicodedata.name(letter, "").partition(" ")[0] if letter else ""


def is_stop_word(word: str) -> bool:
    """Whether a word, or what stands before its apostrophe, is an English function word, in any case."""
    return word.casefold().partition("'")[0].partition("’")[0] in STOP_WORDS


@lru_cache(maxsize=1 << 16)
def has_letter(word: str) -> bool:
    """Whether a word is more than digits."""
    return any(map(str.isalpha, word))


@lru_cache(maxsize=1 << 16)
def is_content_word(word: str) -> bool:
    """Whether a word has a letter and is no English function word."""
    return has_letter(word) and not is_stop_word(word)


def graphemes(text: str) -> list[str]:
    """The text cut into what a reader takes for one character each."""
    return list(text) if is_plain(text) else _GRAPHEME.findall(text)


def boundaries(text: str) -> set[int]:
    """Every offset between two graphemes, 0 and the length included."""
    return {0, len(text), *(match.end() for match in _GRAPHEME.finditer(text))}


def word_of(parts: Sequence[str]) -> str | None:
    """The word of some graphemes; None where two of them would become one."""
    joined = "".join(parts)
    return joined if is_plain(joined) or graphemes(joined) == list(parts) else None


def between_graphemes(text: str, changes: Sequence[TextChange], edited: str) -> bool:
    """Whether every change begins and ends between graphemes, in the original text and in the edited one."""
    old, new, shift = boundaries(text), boundaries(edited), 0
    for change in changes:
        start, end = change.start + shift, change.start + shift + len(change.new)
        if not ({change.start, change.end} <= old and {start, end} <= new):
            return False
        shift += len(change.new) - len(change.old)
    return True


def protected_spans(query: Query, protect: Protect) -> list[Span] | None:
    """What must stay: spans that no edit may touch, and empty spans that no edit may reach across; None where the mention is not there.

    "mention" is the mention and its markers, as the next; a mention without a span is protected wherever it stands. "markers" is
    `[START_ENT]` and `[END_ENT]`, and the two ends of the mention, where they would stand. "none" is nothing.
    """
    if protect == "none":
        return []
    markers = [match.span() for match in _MARKER.finditer(query.text)]
    span = located(query)
    if protect == "markers":
        return markers if span is None else [*markers, (span[0], span[0]), (span[1], span[1])]
    if span is not None:
        return [*markers, span]
    mentions = [match.span() for match in re.finditer(re.escape(query.surface), query.text)] if query.surface else []
    return [*markers, *mentions] if mentions else None


def located(query: Query) -> Span | None:
    """The span of the mention, if the mention stands there."""
    return query.span if query.span is not None and query.text[slice(*query.span)] == query.surface else None


def apart(span: Span, others: Sequence[Span]) -> bool:
    """Whether a span touches no character of others, and reaches across none of the empty ones."""
    for start, end in others:  # noqa: SIM110  (a generator is slower)
        if start < span[1] and span[0] < end:
            return False
    return True


def with_case_of(old: str, new: str) -> str:
    """A new word in capitals or with a capital, where the old one is; else as it is."""
    if len(old) > 1 and old.isupper():
        return new.upper()
    return new[:1].upper() + new[1:] if old[:1].isupper() else new


def is_plain(text: str) -> bool:
    """Whether every character of a text is a grapheme, whatever plain text it is put beside."""
    return (text.isascii() and "\r" not in text) or _NOT_PLAIN.search(text) is None
