"""What the attacks on single words share: which words and how many, what stays, and the list of edits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar, Literal

from robustmel.attacks.contract import TextObjective
from robustmel.attacks.quantities import one_of, proportion, whole, yes_or_no
from robustmel.attacks.text.editable_text import EditableText, Editor
from robustmel.attacks.text.greedy_search import GreedySearch
from robustmel.attacks.text.words import Protect, Span, apart, has_letter, is_content_word, protected_spans, words
from robustmel.types import Query, TextChange, TextEdit


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
    version: ClassVar[int] = 1

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
        editor, asked, dice = self.editor(), objective if self.queries else None, Random(0)
        edits = []
        for query, right, seed in zip(queries, gold, seeds, strict=True):
            dice.seed(seed)  # a new Random would be seeded twice
            edits.append(self._edited(query, editor, asked, right, seed, dice))
        return edits

    def _edited(
        self, query: Query, editor: Editor, objective: TextObjective | None, right: str | None, seed: int, dice: Random
    ) -> TextEdit:
        protected = protected_spans(query, self.protect)
        if protected is None:
            return EditableText(query, (), editor).edit((), NO_MENTION)
        editable, eligible = EditableText(query, protected, editor), self._eligible(query.text, protected)
        most = max(1, int(self.edit_rate * len(eligible)))
        if objective is not None:
            search = GreedySearch(editable, objective, right, self.queries)
            search.run(eligible, most, dice)
            note = "" if search.changes or search.margin < 0 else NO_EFFECT if eligible else NO_WORD
            return replace(editable.edit(search.changes, note), succeeded=search.margin < 0, queries=search.asked)
        changes = _drawn(editable, eligible, most, dice)
        if not editable.sound(changes):  # two graphemes fused, which is rare: again, and every change is tried
            dice.seed(seed)
            changes = _drawn(editable, eligible, most, dice, careful=True)
        edit = editable.edit(changes, FEWER if len(changes) < most else "")
        if not changes or not edit.text.strip():
            return editable.edit((), NO_TEXT if changes else NO_MEANS if eligible else NO_WORD)
        return edit

    def _eligible(self, text: str, protected: Sequence[Span]) -> list[Span]:
        found = words(text, has_letter if self.stop_words else is_content_word)
        return [span for span in found if apart(span, protected)] if protected else found


def _drawn(text: EditableText, eligible: list[Span], most: int, dice: Random, careful: bool = False) -> list[TextChange]:
    """So many changes, or as many as can be, by place."""
    changes: list[TextChange] = []
    for span in shuffled(eligible, dice):
        if len(changes) == most:
            break
        change = text.change(span, changes, dice)
        if change is not None and (not careful or text.sound(sorted([*changes, change]))):
            changes.append(change)
    return sorted(changes)


def shuffled(spans: Sequence[Span], dice: Random) -> list[Span]:
    """`dice.sample(spans, len(spans))`, to the draw, without a call for each."""
    pool, order, draw = list(spans), list[Span](), dice.getrandbits
    for left in range(len(pool), 0, -1):
        bits = left.bit_length()
        while (place := draw(bits)) >= left:
            pass
        order.append(pool[place])
        pool[place] = pool[left - 1]
    return order
