"""One sentence under edits of single words: what a list of changes makes of it, and which lists may be made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from robustmel.attacks.contract import replayed
from robustmel.attacks.text.words import Span, apart, between_graphemes, is_plain, located
from robustmel.types import Query, TextChange, TextEdit

Editor = Callable[[str, Random], tuple[str, str] | None]
"""A word -> the word in its place ("" deletes it) and what was done; None where the attack can do nothing with it."""


@dataclass(frozen=True)
class EditableText:
    """The text of a query.

    Args:
        query: As it is.
        protected: The spans that stay.
        editor: What edits a word; without one, changes come from elsewhere.
    """

    query: Query
    protected: Sequence[Span]
    editor: Editor = lambda word, dice: None

    def change(self, span: Span, changes: Sequence[TextChange], dice: Random) -> TextChange | None:
        """An edit of the word at a span, drawn; None where there is none. A deleted word takes a space with it, if one is free."""
        (start, end), text = span, self.query.text
        made = self.editor(text[start:end], dice)
        if made is None:
            return None
        if not made[0]:
            start, end = self._with_space(span, [*self.protected, *(change[:2] for change in changes)])
        return TextChange(start, end, text[start:end], *made)

    def sound(self, changes: Sequence[TextChange]) -> bool:
        """Whether every change begins and ends between graphemes, in the text as it is and as it becomes."""
        text = self.query.text
        if is_plain(text) and all(is_plain(change.new) for change in changes):
            return True
        return between_graphemes(text, changes, self._after(changes)[0])

    def edited(self, changes: Sequence[TextChange]) -> Query:
        """The query after some changes, with the mention where it stands now: nowhere, if it was edited or had no place before."""
        text, span = self._after(changes)
        return replace(self.query, text=text, span=span)

    def edit(self, changes: Sequence[TextChange], note: str = "") -> TextEdit:
        """What an attack returns of it."""
        text, span = self._after(changes)
        query = self.query
        return TextEdit(query.id, text, query.surface, span, edits=len(changes), note=note, changes=tuple(changes))

    def _after(self, changes: Sequence[TextChange]) -> tuple[str, Span | None]:
        """The text after some changes, and where the mention stands in it."""
        span = located(self.query)
        if span is not None:
            intact = all(change.end <= span[0] or span[1] <= change.start for change in changes)
            shift = sum(len(change.new) - len(change.old) for change in changes if change.end <= span[0])
            span = (span[0] + shift, span[1] + shift) if intact else None
        return replayed(self.query.text, changes) or "", span

    def _with_space(self, span: Span, taken: Sequence[Span]) -> Span:
        """A word with the space before it, else with the one after it, where one is free."""
        (start, end), text = span, self.query.text
        for wider, space in (((start - 1, end), text[max(start - 1, 0) : start]), ((start, end + 1), text[end : end + 1])):
            if space.isspace() and space not in "\r\n" and apart(wider, taken):
                return wider
        return span
