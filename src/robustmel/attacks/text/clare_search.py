"""CLARE's search for one text, written as if it were alone: what it asks is answered for many texts at once."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Any, NamedTuple

from robustmel.attacks.text.clare_places import Place
from robustmel.attacks.text.editable_text import EditableText
from robustmel.attacks.text.masked_lm import Filling, Gap
from robustmel.attacks.text.words import is_unspaced, script_of
from robustmel.types import Query, TextChange

LEAST = {"replace": 5e-4, "insert": 0.0, "merge": 5e-3}
"""Action -> the least probability of a word for it, as in the authors' code."""

EDITS_PER_PLACE = 8
"""Words tried at a place at most; the attack keeps the one that costs the right entity most."""

Changes = tuple[TextChange, ...]


class Draft(NamedTuple):
    """Edits of a text, and how similar they leave it to the original."""

    changes: Changes
    similarity: float


class Fill(NamedTuple):
    """Asks which words may stand in some gaps; answered by their fillings."""

    gaps: tuple[Gap, ...]


class Compare(NamedTuple):
    """Asks how similar some texts are to the original; answered by numbers in [-1, 1]."""

    texts: tuple[str, ...]


class Judge(NamedTuple):
    """Asks how far the right answer to some queries is ahead; answered by margins, infinite where there is no answer."""

    queries: tuple[Query, ...]


Search = Generator[Fill | Compare | Judge, Any, None]


@dataclass
class ClareSearch:
    """The search for one text.

    Args:
        text: The sentence.
        located: Whether what is to be protected is in it.
        places: Where it may be edited.
        edits: Edits that are made at most.
        candidates: Of the masked language model's words the likeliest so many are considered.
        least: The least similarity of the edited text to the original.
        dice: The record's randomness.

    Attributes:
        changes: The edits kept, by place.
        similarity: Of the edited text to the original.
        margin: How far the right entity is ahead; NaN where nobody was asked.
        asked: Texts that the source was asked about.
        ahead: Draws that are looked at together; it decides what is asked at once, not what comes out.

    Source:
        Li et al., "Contextualized Perturbation for Textual Adversarial Attack", NAACL 2021, sections 3.1 and 3.2.
    """

    text: EditableText
    located: bool
    places: Sequence[Place]
    edits: int
    candidates: int
    least: float
    dice: Random
    changes: Changes = ()
    similarity: float = 1.0
    margin: float = math.nan
    asked: int = 0
    ahead: int = 1

    def augment(self) -> Search:
        """Each edit is drawn evenly from all that are possible at any place (Morris et al., 2020).

        Pairs of a place and a rank among its fillings come in random order, and the first that stands for a possible edit is it: the
        same draw as from the whole list, without the model having to read a text for every place.
        """
        while len(self.changes) < self.edits:
            free = [place for place in self.places if place.free(self.changes)]
            order = shuffled(len(free) * self.candidates, Random(self.dice.getrandbits(64)))
            fillings: dict[Place, list[Filling]] = {}
            while drawn := [divmod(number, self.candidates) for number in islice(order, self.ahead)]:
                unread = list(dict.fromkeys(free[place] for place, _ in drawn if free[place] not in fillings))
                fillings |= zip(unread, (yield from self._fill(unread)) if unread else (), strict=True)
                pairs = [(free[place], fillings[free[place]][rank : rank + 1]) for place, rank in drawn]
                drafts = yield from self._possible(*zip(*pairs, strict=True))
                if first := next(filter(None, drafts), None):
                    self.changes, self.similarity = first[0]
                    break
            else:
                return

    def guided(self, queries: int) -> Search:
        """The places whose likeliest word costs the right entity most come first, each filled anew and by the worst of some words.

        Args:
            queries: Texts that the source may be asked about at most.
        """
        (self.margin,) = yield from self._margins([Draft((), 1.0)])
        tried = self.dice.sample(self.places, min(len(self.places), (queries - 1) // 2))  # the other half is for the edits
        if self.margin < 0 or not tried:
            return
        likeliest = yield from self._possible(tried, (yield from self._fill(tried)))
        ranked = [(place, drafts[0]) for place, drafts in zip(tried, likeliest, strict=True) if drafts]
        margins = yield from self._margins([draft for _, draft in ranked])
        costs = dict(zip((place for place, _ in ranked), margins, strict=True))
        for place in sorted(costs, key=costs.__getitem__):
            if self.margin < 0 or len(self.changes) == self.edits or self.asked >= queries:
                return
            if place.free(self.changes):
                (drafts,) = yield from self._possible([place], (yield from self._fill([place])))
                drafts = drafts[: queries - self.asked]
                margins = yield from self._margins(drafts)
                worst = min(range(len(drafts)), key=margins.__getitem__, default=None)
                if worst is not None and margins[worst] < self.margin:
                    self.margin, (self.changes, self.similarity) = margins[worst], drafts[worst]

    def _fill(self, places: Sequence[Place]) -> Generator[Fill, list[list[Filling]], list[list[Filling]]]:
        """The fillings of places in the text as it stands, likeliest first."""
        return (yield Fill(tuple(place.gap(self.text.query.text, self.changes) for place in places)))

    def _possible(
        self, places: Sequence[Place], fillings: Sequence[Sequence[Filling]]
    ) -> Generator[Compare, list[float], list[list[Draft]]]:
        """For each place the text's edits with one more there, by the likeliest words that may stand there; no more than some."""
        changes = [
            list(islice(filter(None, (self._with(place, filling) for filling in listed)), EDITS_PER_PLACE))
            for place, listed in zip(places, fillings, strict=True)
        ]
        texts = tuple(self.text.edited(edit).text for listed in changes for edit in listed)
        similarities = iter((yield Compare(texts)) if texts else ())
        drafts = [[Draft(edit, next(similarities)) for edit in listed] for listed in changes]
        return [[draft for draft in listed if draft.similarity >= self.least] for listed in drafts]

    def _with(self, place: Place, filling: Filling) -> Changes | None:
        """The edits with another one; None where the word is too unlikely, the old one, or does not go with what stands there."""
        change = place.change(self.text.query.text, filling.word)
        if filling.probability < LEAST[place.action] or change.new.casefold() == change.old.casefold():
            return None
        beside = change.old or self.text.query.text[place.start : place.start + 1]
        if script_of(filling.word) != script_of(beside) if script_of(beside) else is_unspaced(filling.word):
            return None
        changes = tuple(sorted((*self.changes, change)))
        return changes if self.text.sound(changes) else None

    def _margins(self, drafts: Sequence[Draft]) -> Generator[Judge, list[float], list[float]]:
        self.asked += len(drafts)
        return (yield Judge(tuple(self.text.edited(draft.changes) for draft in drafts))) if drafts else []


def shuffled(count: int, dice: Random) -> Iterator[int]:
    """The numbers below `count` in random order, each drawn when it is asked for (Fisher and Yates)."""
    moved: dict[int, int] = {}
    for place in range(count):
        other = dice.randrange(place, count)
        yield moved.get(other, other)
        moved[other] = moved.get(place, place)
