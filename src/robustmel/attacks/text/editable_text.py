"""One sentence under edits of single words: what a list of changes makes of it, and which lists may be made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from robustmel.attacks.text.dice import Dice
from robustmel.attacks.text.words import Span, Word, apart, between_graphemes, is_content_word, is_plain, located
from robustmel.types import Query, TextChange, TextEdit

Editor = Callable[[str, Dice], tuple[str, str] | None]
"""A word -> the word in its place ("" deletes it) and what was done; None where the attack can do nothing with it."""


@dataclass(slots=True, eq=False)
class EditableText:
    """The text of a query.

    Args:
        query: As it is.
        protected: The spans that stay.
        editor: What edits a word; without one, changes come from elsewhere.
        wanted: Which words may be edited, if they do not touch what is protected.
    """

    query: Query
    protected: Sequence[Span]
    editor: Editor = lambda word, dice: None
    wanted: Callable[[str], bool] = is_content_word

    def eligible(self, word: Word) -> bool:
        """Whether a word may be edited."""
        return self.wanted(word[0]) and (not self.protected or apart(word.span(), self.protected))

    def change(self, span: Span, changes: Sequence[TextChange], dice: Dice) -> TextChange | None:
        """An edit of the word at a span, drawn; None where there is none. A deleted word takes a space with it, if one is free."""
        (start, end), text = span, self.query.text
        old = text[start:end]
        made = self.editor(old, dice)
        if made is None:
            return None
        new, action = made
        if not new:
            start, end = self._with_space(span, [*self.protected, *(change[:2] for change in changes)])
            old = text[start:end]
        return TextChange(start, end, old, new, action)

    def sound(self, changes: Sequence[TextChange]) -> bool:
        """Whether every change begins and ends between graphemes, in the text as it is and as it becomes."""
        text = self.query.text
        if is_plain(text):
            for change in changes:
                if not is_plain(change.new):
                    break
            else:
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
        return TextEdit(query.id, text, query.surface, span, None, 0, len(changes), None, note, tuple(changes))

    def _after(self, changes: Sequence[TextChange]) -> tuple[str, Span | None]:
        """The text after some changes, by place, and where the mention stands in it."""
        text, span = self.query.text, located(self.query)
        for start, end, _, new, _ in reversed(changes):
            text = text[:start] + new + text[end:]
        return text, None if span is None else _moved(span, changes)

    def _with_space(self, span: Span, taken: Sequence[Span]) -> Span:
        """A word with the space before it, else with the one after it, where one is free."""
        (start, end), text = span, self.query.text
        for wider, space in (((start - 1, end), text[max(start - 1, 0) : start]), ((start, end + 1), text[end : end + 1])):
            if space.isspace() and space not in "\r\n" and apart(wider, taken):
                return wider
        return span


def _moved(span: Span, changes: Sequence[TextChange]) -> Span | None:
    """Where a span stands after some changes; nowhere, if one reaches into it."""
    shift = 0
    for start, end, _, new, _ in changes:
        if end <= span[0]:
            shift += len(new) - (end - start)
        elif start < span[1]:
            return None
    return span[0] + shift, span[1] + shift
