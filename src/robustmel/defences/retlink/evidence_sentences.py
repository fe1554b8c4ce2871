"""Evidence as sentences that may be shown: cleaned, and without those that look like instructions."""

import re
import unicodedata
from collections.abc import Sequence

from robustmel.retrieval.evidence import Evidence
from robustmel.retrieval.sentences import sentences

_TAGS = re.compile(r"<\|.{0,40}?\|>|</?[A-Za-z!][^<>]{0,200}>|\[/?(?:INST|SYS|system|user|assistant)\]", re.IGNORECASE)
_ADDRESSES_THE_READER = re.compile(
    r"https?:|www\.|\bcandidates?\W{0,3}(?:no\.?|number|#)?\W{0,3}\d|\b(?:system|assistant|user|human)\s*:"
    r"|\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:previous|prior|above|earlier|instructions?|rules?|prompt)\b"
    r"|\b(?:correct|right|your|final) (?:answer|candidate|choice|entity)\b"
    r"|\b(?:answer|respond|reply|output)\b\W+(?:with|only|exactly)\b"
    r"|[{}\[\]<>|]|[^\W_\d\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{40}",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")
_LOOK_ALIKE = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406\u0408\u0405"
    "\u03b1\u03b9\u03ba\u03bd\u03bf\u03c1\u03c5\u03c7\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
    "\u0131\u0261",
    "abekmhopctyxijshdqwABEKMHOPCTYXIJSaikvopuxABEZHIKMNOPTYXig",
)
"""Cyrillic and Greek letters, and two Latin ones, that look like the Latin ones below them (after Unicode's confusables)."""
_PRONOUN = re.compile(r"^(?:(its|his|her|their)|it|he|she|they)\s+(?=\S)", re.IGNORECASE)


def cleaned(text: str) -> str:
    """A text from outside on one line, in NFC, without markup, role tokens, invisible characters and changes of direction."""
    visible = "".join(
        " " if letter.isspace() else letter
        for letter in unicodedata.normalize("NFC", text)
        if letter.isspace() or unicodedata.category(letter)[0] != "C"
    )
    return " ".join(_TAGS.sub(" ", visible).split())


def suspicious(sentence: str) -> bool:
    """Whether a sentence addresses its reader, names a numbered candidate, or holds an address, markup or what looks encoded.

    It is looked at as a reader would see it, too: a letter of another script in a Latin word counts as the one that it looks like.
    """
    return any(_ADDRESSES_THE_READER.search(text) for text in {sentence, as_it_looks(sentence)})


def as_it_looks(text: str) -> str:
    """A text whose letters of another form are plain ones, and whose Latin words hold no Cyrillic or Greek letters that look Latin."""
    folded = unicodedata.normalize("NFKC", text)
    return folded if folded.isascii() else _WORD.sub(lambda word: _in_one_script(word[0]), folded)


def _in_one_script(word: str) -> str:
    mixed = any("a" <= letter <= "z" for letter in word.lower()) and not word.isascii()
    return word.translate(_LOOK_ALIKE) if mixed else word


def unsuspicious(text: str) -> str:
    """A text, cleaned, without its sentences that are suspicious."""
    return " ".join(sentence for sentence in sentences(cleaned(text)) if not suspicious(sentence))


def usable_sentences(evidence: Sequence[Evidence], description: str) -> tuple[list[str], int]:
    """The sentences of one candidate's evidence in the retriever's order, its description being none; and how many are left out as suspicious."""
    texts = (cleaned(part.text) for part in evidence)
    whole = dict.fromkeys(sentence for text in texts if text != cleaned(description) for sentence in sentences(text))
    usable = [sentence for sentence in whole if not suspicious(sentence)]
    return usable, len(whole) - len(usable)


def named(sentence: str, name: str) -> str:
    """A sentence that names its entity: a pronoun at its beginning is replaced, else the name is put before it."""
    if name.casefold() in sentence.casefold():
        return sentence
    with_name = _PRONOUN.sub(lambda match: f"{name}'s " if match[1] else f"{name} ", sentence)
    return with_name if with_name != sentence else f"{name}: {sentence}"
