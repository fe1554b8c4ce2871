"""What the attacks on single words share: which words and how many, what stays, and the list of edits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from robustmel.attacks.contract import TextObjective
from robustmel.attacks.quantities import one_of, proportion, whole, yes_or_no
from robustmel.attacks.text.dice import Dice
from robustmel.attacks.text.editable_text import EditableText, Editor
from robustmel.attacks.text.greedy_search import GreedySearch
from robustmel.attacks.text.words import Protect, Span, Word, found_words, has_letter, is_content_word, protected_spans
from robustmel.types import Query, TextChange, TextEdit


def replacing(others: Callable[[str], Sequence[str]]) -> Editor:
    """Puts one of the words that may stand for a word, drawn."""

    def replaced(word: str, dice: Dice) -> tuple[str, str] | None:
        listed = others(word)
        return (dice.choice(listed), "replace") if listed else None

    return replaced


NO_MENTION = "nothing edited: the mention is not in the text"
NO_WORD = "nothing edited: no word may be edited"
NO_MEANS = "nothing edited: no word can be edited"
FEWER = "fewer words edited than asked: the others cannot be edited"
NO_TEXT = "nothing edited: no text would be left"
NO_EFFECT = "nothing edited: no edit tried brings a wrong entity nearer"


@dataclass(frozen=True)
class WordAttack:
    """Base of what edits single words; a subclass is a frozen dataclass with an `editor`.

    Eligible is a word with a letter in it that does not touch what is protected. Of `n` eligible words floor(edit_rate * n) are edited,
    but at least one; each is edited once, in an order drawn from the record's seed. With `queries` the source's scores guide the edits
    instead (`GreedySearch`): fewer words may be edited then, and a mention that is wrong already keeps its text. The surface is never rewritten; where an edit
    reaches into the mention, the mention has no span any more.

    Args:
        edit_rate: Share of the eligible words that are edited.
        protect: "mention": the mention stays as it is, and the markers around it; "markers": `[START_ENT]` and `[END_ENT]` stay,
            and no edit reaches across an end of the mention; "none": any word may be edited.
        stop_words: Whether English function words ("the", "In") are eligible, too.
        queries: Texts that the source is asked about for each mention at most; 0 asks nobody.

    Raises:
        UsageError: A value is out of its range.
    """

    edit_rate: float = 0.1
    protect: Protect = "mention"
    stop_words: bool = False
    queries: int = 0

    modality: ClassVar[Literal["text"]] = "text"
    writes: ClassVar[tuple[str, ...]] = ("text", "span")
    threat_model: ClassVar[str] = "text edits"
    random: ClassVar[bool] = True
    version: ClassVar[int] = 2

    def __post_init__(self) -> None:
        """Checks the values."""
        object.__setattr__(self, "edit_rate", proportion("edit_rate", self.edit_rate))
        one_of("protect", self.protect, "mention", "markers", "none")
        yes_or_no("stop_words", self.stop_words)
        whole("queries", self.queries)

    @property
    def needs(self) -> Literal["nothing", "scores"]:
        """Scores, where there are queries to make."""
        return "scores" if self.queries else "nothing"

    @property
    def budget(self) -> str:
        """The share of words."""
        return f"{self.edit_rate:.4g} of words"

    def passes(self) -> int:
        """One a query."""
        return self.queries

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
        editor, asked = self.editor(), objective if self.queries else None
        return [
            self._edited(query, editor, asked, right, seed) for query, right, seed in zip(queries, gold, seeds, strict=True)
        ]

    def _edited(self, query: Query, editor: Editor, objective: TextObjective | None, right: str | None, seed: int) -> TextEdit:
        protected = protected_spans(query, self.protect)
        if protected is None:
            return EditableText(query, (), editor).edit((), NO_MENTION)
        text = EditableText(query, protected, editor, self._wanted)
        if objective is not None:
            return self._guided(text, objective, right, Dice(seed))
        found = found_words(query.text)
        if self.edit_rate * len(found) >= 2:  # below that it is one, however many of them are eligible
            found = list(filter(text.eligible, found))
        most = self._most(found)
        changes = _drawn(text, found, most, Dice(seed))
        if not text.sound(changes):  # two graphemes fused, which is rare: again, and every change is tried
            changes = _drawn(text, found, most, Dice(seed), careful=True)
        edit = text.edit(changes, FEWER if len(changes) < most else "")
        if not changes or not edit.text.strip():
            return text.edit((), NO_TEXT if changes else NO_MEANS if any(map(text.eligible, found)) else NO_WORD)
        return edit

    def _guided(self, text: EditableText, objective: TextObjective, right: str | None, dice: Dice) -> TextEdit:
        eligible = self._eligible(text)
        search = GreedySearch(text, objective, right, self.queries)
        search.run(eligible, self._most(eligible), dice)
        note = "" if search.changes or search.margin < 0 else NO_EFFECT if eligible else NO_WORD
        return text.edit(search.changes, note)._replace(succeeded=search.margin < 0, queries=search.asked)

    @property
    def _wanted(self) -> Callable[[str], bool]:
        return has_letter if self.stop_words else is_content_word

    def _eligible(self, text: EditableText) -> list[Span]:
        return [word.span() for word in filter(text.eligible, found_words(text.query.text))]

    def _most(self, words: Sequence[Word] | Sequence[Span]) -> int:
        return int(self.edit_rate * len(words)) or 1


def _drawn(text: EditableText, words: Sequence[Word], most: int, dice: Dice, careful: bool = False) -> list[TextChange]:
    """So many changes of eligible words, or as many as can be, by place."""
    changes: list[TextChange] = []
    left = list(words)
    while left and len(changes) < most:
        word = dice.take(left)
        change = text.change(word.span(), changes, dice) if text.eligible(word) else None
        if change is not None and (not careful or text.sound(sorted([*changes, change]))):
            changes.append(change)
    changes.sort()
    return changes
