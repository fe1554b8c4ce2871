"""Encyclopaedic prose, sentence by sentence."""

import re

_ENDS = re.compile(r"(?<=[.!?…])[\"'”’»)\]]*\s+|(?<=[。！？।؟])[」』”）]*\s*")
_LAST_WORD = re.compile(r"[(\[\"'“‘«]*([^\s-]+)\.[\"'”’»)\]]*\s*$")

_TITLES = re.compile(
    "mrs?|ms|dr|prof|ste?|sra?|rev|hon|pres|gov|sen|rep|gen|adm|col|maj|capt|cmdr|lt|sgt|cpl|mt|ft|née?", re.IGNORECASE
)
_BEFORE_NUMBERS = re.compile(
    "nos?|vols?|pp|figs?|ch|sec|art|approx|ca|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec", re.IGNORECASE
)
# At the end of a name, or "J", "e.g", "U.S"; a sentence ends there only if the next word opens one.
_CLOSING = re.compile(
    r"inc|ltd|co|corp|llc|plc|bros|jr|esq|etc|al|ave|blvd|rd|dept|univ|est|cf|vs|ph\.d|[^\W\d_](?:\.[^\W\d_])*", re.IGNORECASE
)
_OPENING = re.compile(
    "The|An?|Its?|He|His|She|Her|They|Their|This|These|That|Those|There|In|On|At|As|By|For|From|Since|After|Before|During|When|"
    "While|Although|However|Both|Many|Most|Some|One|Other|Such|With|Under|Between|Until|Among|According"
)
_LOOK = 40
"""Characters looked at on either side of a full stop."""


def sentences(text: str) -> list[str]:
    """The sentences of a text, each on one line without blanks at its ends; together they are the whole text.

    A full stop after an initial ("J. R. R. Tolkien") or an abbreviation ("Apple Inc. is", "St. Louis") ends none. A new line
    always ends one.
    """
    return [sentence for line in text.splitlines() for sentence in _of_line(" ".join(line.split()))]


def _of_line(line: str) -> list[str]:
    parts, start = [], 0
    for match in _ENDS.finditer(line):
        end = match.end()
        if _is_end(line[max(start, end - _LOOK) : end], line[end : end + _LOOK]):
            parts.append(line[start:end].strip())
            start = end
    return [*parts, line[start:].strip()] if line[start:].strip() else parts


def _is_end(before: str, after: str) -> bool:
    if not (dotted := _LAST_WORD.search(before)):
        return True
    word, following = dotted[1], after.split(" ", 1)[0].strip("\"'“‘«([,")
    if _TITLES.fullmatch(word) or following[:1].islower() or (_BEFORE_NUMBERS.fullmatch(word) and following[:1].isdigit()):
        return False
    return not _CLOSING.fullmatch(word) or bool(_OPENING.fullmatch(following))
