"""Where a surface stands in its sentence."""

import re
import unicodedata
from collections import Counter
from typing import Literal

from robustmel.records.load_report import LoadReport

_WORD = re.compile(r"\w+")

Span = tuple[int, int]
Rule = Literal["punctuation", "gap", "order"]


def locate(surface: str, text: str) -> Span | None:
    """Character offsets [start, end) of the surface where it occurs verbatim exactly once; else None."""
    if not surface or surface not in text or occurs_again(surface, text):
        return None
    start = text.index(surface)
    return start, start + len(surface)


def occurs_again(surface: str, text: str) -> bool:
    """Whether the surface occurs verbatim more than once, overlaps counted ("ana" in "banana"); an empty one does not."""
    return bool(surface) and text.find(surface) != text.rfind(surface)


def fits(span: Span, surface: str, text: str) -> bool:
    """Whether a span lies within the text and holds exactly the surface."""
    start, end = span
    return 0 <= start < end <= len(text) and text[start:end] == surface


def recover(surface: str, text: str) -> tuple[Span, Rule] | None:
    """Where a surface that does not occur verbatim stands all the same, and the rule that found it.

    In this order: "punctuation", its letters and digits follow one another once everything between them is left out ("John
    Barrow 1st Baronet" in "John Barrow, 1st Baronet"); "gap", its words stand in their order with others between them ("Hermann
    Beckerath" in "Hermann von Beckerath"); "order", they stand in another order. The shortest such stretch of the text counts, and
    of equally short ones the first. Letters are compared in NFC and case-folded. None where no rule finds anything.
    """
    surface_words = [_folded(word) for word in _WORD.findall(surface)]
    if not surface_words:
        return None
    condensed = _condensed(surface, text)
    if condensed is not None:
        return condensed, "punctuation"
    words = [(_folded(match.group()), match.span()) for match in _WORD.finditer(text)]
    spoken = [word for word, _ in words]
    rules: tuple[tuple[Rule, tuple[int, int] | None], ...] = (
        ("gap", _in_order(surface_words, spoken)),
        ("order", _in_any_order(surface_words, spoken)),
    )
    for rule, window in rules:
        if window is not None:
            return (words[window[0]][1][0], words[window[1]][1][1]), rule
    return None


def _condensed(surface: str, text: str) -> Span | None:
    letters = [(letter, place) for place, character in enumerate(text) if character.isalnum() for letter in _folded(character)]
    sought = "".join(_folded(character) for character in surface if character.isalnum())
    start = "".join(letter for letter, _ in letters).find(sought) if sought else -1
    return (letters[start][1], letters[start + len(sought) - 1][1] + 1) if start >= 0 else None


def _in_order(wanted: list[str], spoken: list[str]) -> tuple[int, int] | None:
    """First and last word of the shortest stretch that holds the wanted words in their order."""
    best: tuple[int, int] | None = None
    starts: list[int] = [-1] * len(wanted)  # where the latest stretch that holds wanted[: place + 1] begins
    for here, word in enumerate(spoken):
        for place in range(len(wanted) - 1, -1, -1):
            if word == wanted[place]:
                starts[place] = here if place == 0 else starts[place - 1]
                if place == len(wanted) - 1 and starts[place] >= 0 and _shorter((starts[place], here), best):
                    best = starts[place], here
    return best


def _in_any_order(wanted: list[str], spoken: list[str]) -> tuple[int, int] | None:
    """The same in whatever order, by a window that slides over the text."""
    needed, missing, first = Counter(wanted), len(wanted), 0
    best: tuple[int, int] | None = None
    for here, word in enumerate(spoken):
        missing -= needed[word] > 0
        needed[word] -= 1
        while missing == 0:
            if _shorter((first, here), best):
                best = first, here
            needed[spoken[first]] += 1
            missing += needed[spoken[first]] > 0
            first += 1
    return best


def _shorter(window: tuple[int, int], than: tuple[int, int] | None) -> bool:
    return than is None or window[1] - window[0] < than[1] - than[0]


def _folded(word: str) -> str:
    return unicodedata.normalize("NFC", word).casefold()


def placed(surface: str, text: str, place: str, report: LoadReport) -> Span | None:
    """Where the surface stands: verbatim where it occurs once, else by a repair rule; None where neither finds it.

    Counts `empty_surfaces`, `no_text`, `recovered_punctuation`, `recovered_gap`, `recovered_order`, and `without_span` for what stays unplaced
    (a surface that occurs several times is: nothing says which occurrence is meant).
    """
    if not surface.strip():
        report.remark("empty_surfaces", place)
    if not text.strip():
        report.remark("no_text", place)
        return None
    match = locate(surface, text)
    if match is None and surface.strip() and surface not in text:
        repaired = recover(surface, text)
        if repaired is not None:
            report.remark(f"recovered_{repaired[1]}", f"{place}: {surface[:40]!r} as {text[slice(*repaired[0])][:60]!r}")
            return repaired[0]
    if match is None:
        report.remark("without_span", place)
    return match
