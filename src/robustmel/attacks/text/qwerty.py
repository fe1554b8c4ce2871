"""Typing errors: a neighbouring key in place of a letter."""

from dataclasses import dataclass
from math import dist

from robustmel.attacks.text.dice import Dice
from robustmel.attacks.text.editable_text import Editor
from robustmel.attacks.text.word_attack import WordAttack
from robustmel.attacks.text.words import graphemes

ROWS = (("qwertyuiop", 0.0), ("asdfghjkl", 0.25), ("zxcvbnm", 0.75))
"""The letters of each row of the keyboard, and how far it is shifted to the right, in widths of a key."""

REACH = 1.25
"""The largest distance of the centres of two neighbouring keys, in widths of a key."""

_CENTRES = {key: (shift + place, float(row)) for row, (keys, shift) in enumerate(ROWS) for place, key in enumerate(keys)}

NEIGHBOURS = {
    key: "".join(other for other, there in _CENTRES.items() if other != key and dist(centre, there) <= REACH)
    for key, centre in _CENTRES.items()
}
"""Letter -> the letters on the keys around it."""

_KEYS = (
    NEIGHBOURS | {key.upper(): keys.upper() for key, keys in NEIGHBOURS.items()} | {"\N{KELVIN SIGN}": NEIGHBOURS["k"].upper()}
)
"""The same in either case, for every character that has such a letter as its lower case."""


@dataclass(frozen=True)
class Qwerty(WordAttack):
    """Puts a neighbouring key for one letter of some words, the poisoning paper's RandomSwap (Maley & Jadhav, 2024).

    Of a word of at least two characters, one letter from a to z is replaced by a letter on a neighbouring key of the QWERTY keyboard;
    its case stays. Words without such a letter, so all of other scripts, stay as they are.

    Source:
        Maley & Jadhav, "Poisoning attempts on Multimodal Entity Linking model", 2024, section 2.3: its text calls the attack "RandomSwap",
        and all its printed edits are neighbouring keys, the `WordSwapQWERTY` of Morris et al., "TextAttack: A Framework for Adversarial
        Attacks, Data Augmentation, and Adversarial Training in NLP", EMNLP 2020 (demonstrations).
    """

    def editor(self) -> Editor:
        """See `WordAttack.editor`."""
        return _mistyped


def _mistyped(word: str, dice: Dice) -> tuple[str, str] | None:
    parts = graphemes(word)
    if len(parts) < 2 or _KEYS.keys().isdisjoint(parts):
        return None
    while parts[place := dice.below(len(parts))] not in _KEYS:
        pass
    parts[place] = dice.choice(_KEYS[parts[place]])
    return "".join(parts), "substitute"  # a letter from a to z joins its neighbours no more than another one does
