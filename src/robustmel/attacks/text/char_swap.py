"""Character edits: two neighbours swapped, or one character replaced, deleted or inserted."""

from dataclasses import dataclass
from itertools import pairwise
from string import ascii_letters

import regex

from robustmel.attacks.text.dice import Dice
from robustmel.attacks.text.editable_text import Editor
from robustmel.attacks.text.word_attack import WordAttack
from robustmel.attacks.text.words import graphemes, word_of

ACTIONS = ("swap", "substitute", "delete", "insert")

_ALPHABETS = {
    "Latin": ascii_letters,
    "Greek": "αβγδεζηθικλμνξοπρστυφχψω",
    "Cyrillic": "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "Hebrew": "אבגדהוזחטיכלמנסעפצקרשת",
    "Arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "Devanagari": "कखगघचछजझटठडढणतथदधनपफबभमयरलवशषसह",
}
_SCRIPTS = [(regex.compile(rf"\p{{{script}}}"), letters) for script, letters in _ALPHABETS.items()]


@dataclass(frozen=True)
class CharSwap(WordAttack):
    """Swaps, replaces, deletes or inserts a character of some words (Gao et al., 2018; Morris et al., 2020).

    One of the four is drawn for each word, from those that can be done with it. "Character" means grapheme. A new letter comes from the
    word's own script (both cases of a to z for Latin; also Greek, Cyrillic, Hebrew, Arabic, Devanagari); words of other scripts are
    swapped and cut only, and words of one character in them stay as they are.

    Source:
        The `CharSwapAugmenter` of Morris et al., "TextAttack: A Framework for Adversarial Attacks, Data Augmentation, and Adversarial
        Training in NLP", EMNLP 2020 (demonstrations); its four edits are those of Gao et al., "Black-box Generation of Adversarial Text
        Sequences to Evade Deep Learning Classifiers", 2018, section 3.3.
    """

    def editor(self) -> Editor:
        """See `WordAttack.editor`."""
        return _misspelt


def _misspelt(word: str, dice: Dice) -> tuple[str, str] | None:
    parts, letters = graphemes(word), _alphabet(word)
    actions = list(ACTIONS)
    while actions:
        action = dice.take(actions)
        made = _edited(parts, letters, action, dice)
        new = None if made is None else word_of(made)
        if new is not None and new != word:
            return new, action
    return None


def _edited(parts: list[str], letters: str, action: str, dice: Dice) -> list[str] | None:
    if action == "swap":
        places = [place for place, (left, right) in enumerate(pairwise(parts)) if left != right]
        if not places:
            return None
        place = dice.choice(places)
        return [*parts[:place], parts[place + 1], parts[place], *parts[place + 2 :]]
    if len(parts) < 2 if action == "delete" else not letters:
        return None
    place = dice.below(len(parts) + (action == "insert"))
    new = [] if action == "delete" else [dice.choice(letters)]
    return [*parts[:place], *new, *parts[place + (action != "insert") :]]


def _alphabet(word: str) -> str:
    """The letters of a word's script, "" where this file has none."""
    return ascii_letters if word.isascii() else next((letters for script, letters in _SCRIPTS if script.search(word)), "")
