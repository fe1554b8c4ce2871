"""The text of a poisoned record: edited by a text attack, with a trigger in it, or both."""

from collections.abc import Sequence

from robustmel.attacks.contract import TextAttack, TextObjective
from robustmel.attacks.text.trigger import Trigger
from robustmel.attacks.text.words import located
from robustmel.types import Query, TextEdit


class RecordEdits:
    """What edits records, called like a text attack.

    Args:
        attack: A text attack that asks nobody; None leaves the words as they are.
        trigger: A phrase that is then inserted, "" for none.
    """

    def __init__(self, attack: TextAttack | None, trigger: str = "") -> None:
        self._attack = attack
        self._trigger = Trigger(trigger, getattr(attack, "protect", "mention")) if trigger else None

    def perturb(
        self, queries: Sequence[Query], objective: TextObjective | None, gold: Sequence[str | None], seeds: Sequence[int]
    ) -> list[TextEdit]:
        """See `TextAttack.perturb`."""
        if self._attack is None:
            edits = [TextEdit(query.id, query.text, query.surface, located(query)) for query in queries]
        else:
            edits = self._attack.perturb(queries, objective, gold, seeds)
        if self._trigger is None:
            return edits
        inserted = self._trigger.inserted
        return [inserted(query, edit, seed) for query, edit, seed in zip(queries, edits, seeds, strict=True)]
