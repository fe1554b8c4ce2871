"""A page caught in a vandalised revision (Carlini et al., 2024)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from robustmel.attacks.knowledge.pages import PageAttack, impostors
from robustmel.kb import KnowledgeBase
from robustmel.types import EntityEdit, Query


@dataclass(frozen=True)
class Vandalism(PageAttack):
    """Puts a wrong candidate's text into the right entity's page, a vandalised revision (Carlini et al., 2024).

    Its description too. Names stay; the wrong candidate's name in its own text becomes the right one's.

    Source:
        Carlini et al., "Poisoning Web-Scale Training Datasets is Practical", IEEE S&P 2024, section 5 (edits timed to the moment at which
        a page is read).
    """

    writes: ClassVar[tuple[str, ...]] = ("description", "text")

    def perturb(
        self, queries: Sequence[Query], kb: KnowledgeBase, gold: Sequence[str | None], seeds: Sequence[int]
    ) -> list[EntityEdit]:
        """See `KnowledgeAttack.perturb`."""
        return [
            EntityEdit(
                impostor.gold,
                description=kb[impostor.id].description,
                text=kb[impostor.id].text.replace(kb[impostor.id].name, kb[impostor.gold].name),
            )
            for impostor in impostors(queries, kb, gold)
        ]
