"""Deletion of words."""

from dataclasses import dataclass

from robustmel.attacks.text.editable_text import Editor
from robustmel.attacks.text.word_attack import WordAttack


@dataclass(frozen=True)
class WordDelete(WordAttack):
    """Deletes some words of the sentence, so that context is lost and nothing false is said (Wei & Zou, 2019).

    A word goes with the space before it, or else the one after it; punctuation stays. A sentence of which no text would be
    left stays as it is.

    Source:
        "Random deletion" of Wei & Zou, "EDA: Easy Data Augmentation Techniques for Boosting Performance on Text Classification Tasks",
        EMNLP 2019, section 2; here with an exact number of words instead of a probability.
    """

    def editor(self) -> Editor:
        """See `WordAttack.editor`."""
        return lambda word, dice: ("", "delete")
