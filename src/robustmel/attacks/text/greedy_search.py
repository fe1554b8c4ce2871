"""Word edits guided by the linker's scores: the words that matter most first, and of their edits the worst."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from robustmel.attacks.contract import TextObjective
from robustmel.attacks.text.dice import Dice
from robustmel.attacks.text.editable_text import EditableText
from robustmel.attacks.text.words import Span
from robustmel.types import TextChange

EDITS_PER_WORD = 8
"""Edits drawn for a word at most; the attack keeps the one that costs the right entity most."""


@dataclass
class GreedySearch:
    """The search for one text.

    Args:
        text: The sentence.
        objective: The margins of edited queries.
        gold: Id of the right entity.
        queries: Texts that the source may be asked about at most.

    Attributes:
        asked: Texts that it was asked about so far.
        changes: The edits kept, by place.
        margin: How far the right entity is ahead with them; below zero it is no longer first.

    Source:
        Jin et al., "Is BERT Really Robust? A Strong Baseline for Natural Language Attack on Text Classification and Entailment",
        AAAI 2020, algorithm 1: words ranked by what their deletion costs the right answer, then the worst replacement of each. Its
        filters of similarity and part of speech are the editor's affair here.
    """

    text: EditableText
    objective: TextObjective
    gold: str | None
    queries: int
    asked: int = 0
    changes: tuple[TextChange, ...] = ()
    margin: float = torch.inf

    def run(self, spans: Sequence[Span], edits: int, dice: Dice) -> None:
        """Edits so many of the words at these spans at most, and stops at the first success."""
        (self.margin,) = self._margins([()])
        deletions = [(TextChange(*span, self.text.query.text[slice(*span)], "", "delete"),) for span in spans]
        ranked = [deletion for deletion in deletions if self._possible(deletion)] if self.margin >= 0 else []
        ranked = ranked[: (self.queries - self.asked) // 2]  # the other half is for the edits
        costs = dict(zip(ranked, self._margins(ranked), strict=True))
        for (deletion,) in sorted(deletions, key=lambda deletion: costs.get(deletion, torch.inf)):
            if self.margin < 0 or len(self.changes) == edits or self.asked >= self.queries:
                return
            span = (deletion.start, deletion.end)
            drawn = dict.fromkeys(filter(None, (self.text.change(span, self.changes, dice) for _ in range(EDITS_PER_WORD))))
            proposals = [tuple(sorted((*self.changes, change))) for change in drawn]
            proposals = [changes for changes in proposals if self._possible(changes)][: self.queries - self.asked]
            margins = self._margins(proposals)
            best = min(range(len(margins)), key=margins.__getitem__, default=None)
            if best is not None and margins[best] < self.margin:
                self.margin, self.changes = margins[best], proposals[best]

    def _possible(self, changes: Sequence[TextChange]) -> bool:
        return self.text.sound(changes) and bool(self.text.edited(changes).text.strip())

    def _margins(self, proposals: Sequence[tuple[TextChange, ...]]) -> list[float]:
        """One a proposal; infinite where there is no answer, so that it is never kept."""
        if not proposals:
            return []
        self.asked += len(proposals)
        margins = self.objective([self.text.edited(changes) for changes in proposals], [self.gold] * len(proposals))
        return margins.nan_to_num(nan=torch.inf).tolist()
