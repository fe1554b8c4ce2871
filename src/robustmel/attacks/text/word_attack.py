"""What the attacks on single words share: which words and how many, what stays, and the list of edits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar, Literal

from robustmel.attacks.contract import TextObjective, replayed
from robustmel.attacks.quantities import one_of, proportion, yes_or_no
from robustmel.attacks.text.words import Protect, Span, apart, between_graphemes, is_stop_word, located, protected_spans, words
from robustmel.types import Query, TextChange, TextEdit

Editor = Callable[[str, Random], tuple[str, str] | None]
"""A word -> the word in its place ("" deletes it) and what was done; None where the attack can do nothing with it."""


def replacing(others: Callable[[str], Sequence[str]]) -> Editor:
    """Puts one of the words that may stand for a word, drawn."""

    def replaced(word: str, dice: Random) -> tuple[str, str] | None:
        listed = others(word)
        return (dice.choice(listed), "replace") if listed else None

    return replaced


NO_MENTION = "nothing edited: the mention is not in the text"
NO_WORD = "nothing edited: no word may be edited"
NO_MEANS = "nothing edited: no word can be edited"
FEWER = "fewer words edited than asked: the others cannot be edited"
NO_TEXT = "nothing edited: no text would be left"


@dataclass(frozen=True)
class WordAttack:
    """Base of what edits single words and asks no linker; a subclass is a frozen dataclass with an `editor`.

    Eligible is a word with a letter in it that does not touch what is protected. Of `n` eligible words floor(edit_rate * n) are edited,
    but at least one; each is edited once, in an order drawn from the record's seed. The surface is never rewritten; where an edit
    reaches into the mention, the mention has no span any more.

    Args:
        edit_rate: Share of the eligible words that are edited.
        protect: "mention": the mention stays as it is, and the markers around it; "markers": `[START_ENT]` and `[END_ENT]` stay,
            and no edit reaches across an end of the mention; "none": any word may be edited.
        stop_words: Whether English function words ("the", "In") are eligible, too.

    Raises:
        UsageError: A value is out of its range.
    """

    edit_rate: float = 0.1
    protect: Protect = "mention"
    stop_words: bool = False

    modality: ClassVar[Literal["text"]] = "text"
    writes: ClassVar[tuple[str, ...]] = ("text", "span")
    needs: ClassVar[Literal["nothing"]] = "nothing"
    threat_model: ClassVar[str] = "text edits"
    random: ClassVar[bool] = True
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        """Checks the values."""
        object.__setattr__(self, "edit_rate", proportion("edit_rate", self.edit_rate))
        one_of("protect", self.protect, "mention", "markers", "none")
        yes_or_no("stop_words", self.stop_words)

    @property
    def budget(self) -> str:
        """The share of words."""
        return f"{self.edit_rate:.4g} of words"

    def passes(self) -> int:
        """None."""
        return 0

    def editor(self) -> Editor:
        """What edits a word; files are read here.

        Raises:
            MissingError: They are absent or unreadable.
        """
        raise NotImplementedError

    def perturb(
        self, queries: Sequence[Query], objective: TextObjective | None, gold: Sequence[str | None], seeds: Sequence[int]
    ) -> list[TextEdit]:
        """See `TextAttack.perturb`; a query that cannot be attacked keeps its text, and its note says why."""
        editor = self.editor()
        return [self._edited(query, editor, seed) for query, seed in zip(queries, seeds, strict=True)]

    def _edited(self, query: Query, editor: Editor, seed: int) -> TextEdit:
        text, protected = query.text, protected_spans(query, self.protect)
        if protected is None:
            return _unchanged(query, NO_MENTION)
        eligible = [span for span in words(text) if self._eligible(text[slice(*span)]) and apart(span, protected)]
        wanted = max(1, int(self.edit_rate * len(eligible)))
        changes = _drawn(text, eligible, wanted, protected, editor, Random(seed))
        if not _sound(text, changes):  # two graphemes fused, which is rare: again, and every change is tried
            changes = _drawn(text, eligible, wanted, protected, editor, Random(seed), careful=True)
        edited = replayed(text, changes) or ""
        if not changes or not edited.strip():
            return _unchanged(query, NO_TEXT if changes else NO_MEANS if eligible else NO_WORD)
        note = FEWER if len(changes) < wanted else ""
        return TextEdit(
            query.id, edited, query.surface, _moved(query, changes), edits=len(changes), note=note, changes=tuple(changes)
        )

    def _eligible(self, word: str) -> bool:
        return any(map(str.isalpha, word)) and (self.stop_words or not is_stop_word(word))


def _drawn(
    text: str, eligible: list[Span], wanted: int, protected: Sequence[Span], editor: Editor, dice: Random, careful: bool = False
) -> list[TextChange]:
    """So many changes, or as many as can be, by place."""
    changes: list[TextChange] = []
    for span in dice.sample(eligible, len(eligible)):
        if len(changes) == wanted:
            break
        made = editor(text[slice(*span)], dice)
        if made is not None:
            start, end = span if made[0] else _with_space(text, span, [*protected, *(change[:2] for change in changes)])
            change = TextChange(start, end, text[start:end], *made)
            if not careful or _sound(text, sorted([*changes, change])):
                changes.append(change)
    return sorted(changes)


def _sound(text: str, changes: Sequence[TextChange]) -> bool:
    return between_graphemes(text, changes, replayed(text, changes) or "")


def _unchanged(query: Query, why: str) -> TextEdit:
    return TextEdit(query.id, query.text, query.surface, located(query), note=why)


def _with_space(text: str, span: Span, taken: Sequence[Span]) -> Span:
    """A word to be deleted with the space before it, else with the one after it, where one is free."""
    start, end = span
    for wider, space in (((start - 1, end), text[max(start - 1, 0) : start]), ((start, end + 1), text[end : end + 1])):
        if space.isspace() and space not in "\r\n" and apart(wider, taken):
            return wider
    return span


def _moved(query: Query, changes: Sequence[TextChange]) -> Span | None:
    """Where the mention stands now; None where it was edited, or had no place before."""
    span = located(query)
    if span is None or not all(change.end <= span[0] or span[1] <= change.start for change in changes):
        return None
    shift = sum(len(change.new) - len(change.old) for change in changes if change.end <= span[0])
    return span[0] + shift, span[1] + shift
