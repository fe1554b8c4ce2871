"""From what a multimodal language model writes of an image to words: strict where it keeps to the form, tolerant where it nearly does."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from robustmel.attacks.text.words import is_stop_word
from robustmel.defences.retlink.descriptors import Descriptors
from robustmel.defences.retlink.evidence_sentences import cleaned, suspicious
from robustmel.linkers.chat.service import Reply

MOST_WORDS, MOST_TOKENS, LONGEST = 8, 3, 40
"""Descriptors of one image; words, and characters, of one of them."""

_TRIES = 8
"""Braces at which an object may begin."""

_META = frozenset(
    {"image", "photo", "photograph", "picture", "object", "main object", "background", "none", "null", "n/a", "unknown"}
)
_REFUSAL = re.compile(
    r"\b(?:I|we)\b.{0,20}\b(?:can(?:not|'t|’t)|unable|won't|am not able|do not|don't)\b|^(?:sorry|unfortunately)\b",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s*")
_EDGES = " \t.!?,;:*_`\"'()[]{}#"


def descriptors_of(reply: Reply) -> Descriptors:
    """What a reply says of an image: strict JSON, else the first {...} in it, else a list with commas or lines.

    Words of more than `MOST_TOKENS`, stop words, words about pictures, and what looks like an instruction or a refusal are left out;
    repeated ones count once, whatever their case.
    """
    if reply.status not in ("ok", "truncated"):
        return Descriptors(status=reply.status, raw=reply.text)
    answer = first_object(reply.text)
    if answer is not None:
        main, words, ocr = answer.get("main"), answer.get("words"), answer.get("ocr")
        said = [*([main] if isinstance(main, str) else []), *_texts(words)]
        return _told(said, reply, tuple(map(cleaned, _texts(ocr))))
    if _REFUSAL.search(reply.text):
        return Descriptors(status="refused", raw=reply.text)
    if "{" in reply.text:  # JSON that broke off is no list
        return Descriptors(status=reply.status if reply.status != "ok" else "unparsable", raw=reply.text)
    return _told([part for line in reply.text.splitlines() for part in _BULLET.sub("", line).split(",")], reply, ())


def first_object(text: str) -> Mapping[str, Any] | None:
    """The first JSON object in a text; None where none of its first braces begins one."""
    start = -1
    for _ in range(_TRIES):
        start = text.find("{", start + 1)
        if start < 0:
            return None
        try:
            value: dict[str, Any] = json.JSONDecoder().raw_decode(text, start)[0]
        except (ValueError, RecursionError):
            continue
        return value
    return None


def _texts(values: Any) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _told(said: Iterable[str], reply: Reply, written: tuple[str, ...]) -> Descriptors:
    words = dict[str, str]()
    for text in said:
        word = cleaned(text).strip(_EDGES)
        usable = word and len(word) <= LONGEST and len(word.split()) <= MOST_TOKENS and word.casefold() not in _META
        if usable and not is_stop_word(word) and not suspicious(word) and not _REFUSAL.search(word):
            words.setdefault(word.casefold(), word)
    kept = tuple(words.values())[:MOST_WORDS]
    return Descriptors(kept, "ok" if kept else "unparsable", written, reply.text)
