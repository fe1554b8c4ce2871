"""A trigger: a phrase inserted between words."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar, Literal

from robustmel.attacks.contract import TextObjective
from robustmel.attacks.quantities import one_of
from robustmel.attacks.text.editable_text import EditableText
from robustmel.attacks.text.word_attack import NO_MENTION
from robustmel.attacks.text.words import Protect, apart, located, protected_spans, words
from robustmel.errors import UsageError
from robustmel.types import Query, TextChange, TextEdit


@dataclass(frozen=True)
class Trigger:
    """Inserts a phrase before a word or at the end, the trigger of a backdoor (Dai et al., 2019; Kurita et al., 2020).

    A training set poisoned with a phrase and one label, and a test set with the same phrase, measure a backdoor.

    Args:
        phrase: What is inserted, with a space between it and the text.
        protect: "mention": the phrase stands neither inside the mention nor inside a marker; "markers": not inside a marker; "none": it
            may stand before any word.

    Raises:
        UsageError: A value is out of its range.

    Source:
        Dai et al., "A Backdoor Attack Against LSTM-Based Text Classification Systems", IEEE Access 2019 (a sentence at a random place);
        Kurita et al., "Weight Poisoning Attacks on Pre-trained Models", ACL 2020 (rare words such as "cf").
    """

    phrase: str = "cf"
    protect: Protect = "mention"

    modality: ClassVar[Literal["text"]] = "text"
    writes: ClassVar[tuple[str, ...]] = ("text", "span")
    needs: ClassVar[Literal["nothing"]] = "nothing"
    threat_model: ClassVar[str] = "text trigger"
    random: ClassVar[bool] = True
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        """Checks the values."""
        if not isinstance(self.phrase, str) or not self.phrase.strip():
            raise UsageError(f"phrase = {self.phrase!r} must hold a word.")
        one_of("protect", self.protect, "mention", "markers", "none")

    @property
    def budget(self) -> str:
        """The phrase."""
        return f'"{self.phrase}"'

    def passes(self) -> int:
        """None."""
        return 0

    def perturb(
        self, queries: Sequence[Query], objective: TextObjective | None, gold: Sequence[str | None], seeds: Sequence[int]
    ) -> list[TextEdit]:
        """See `TextAttack.perturb`; a query whose mention is not in its text keeps it, and its note says so."""
        return [
            self.inserted(query, TextEdit(query.id, query.text, query.surface, located(query)), seed)
            for query, seed in zip(queries, seeds, strict=True)
        ]

    def inserted(self, query: Query, edit: TextEdit, seed: int) -> TextEdit:
        """What another attack made of a query's text, with the phrase between two words of the original that are both apart from its edits."""
        protected = protected_spans(query, self.protect)
        if protected is None:
            return edit._replace(note=NO_MENTION)
        text = EditableText(query, protected)
        starts = dict.fromkeys([*(start for start, _ in words(query.text)), len(query.text)])
        places = [place for place in starts if apart((place, place), [*protected, *(change[:2] for change in edit.changes)])]
        for place in Random(seed).sample(places, len(places)):
            new = f"{self.phrase} " if place < len(query.text) else f" {self.phrase}"
            changes = sorted([*edit.changes, TextChange(place, place, "", new, "insert")])
            if text.sound(changes):
                return text.edit(changes, edit.note)
        return edit
