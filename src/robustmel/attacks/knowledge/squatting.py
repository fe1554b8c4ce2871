"""An entry under another entity's name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from robustmel.attacks.knowledge.pages import PageAttack, by_page, impostors
from robustmel.kb import KnowledgeBase
from robustmel.types import EntityEdit, Query


@dataclass(frozen=True)
class Squatting(PageAttack):
    """Gives a wrong candidate the right entity's name and a page made for the questions (PoisonedRAG; Zou et al., 2024).

    It stands for a new item under an old name: the wrong candidate keeps its place in the lists and loses all else. Where names alone
    are read the two are tied, and share the credit.

    Source:
        The page follows Zou et al., "PoisonedRAG: Knowledge Corruption Attacks to Retrieval-Augmented Generation of Large Language Models",
        2024, section 4.2; the borrowed name is this project's.
    """

    writes: ClassVar[tuple[str, ...]] = ("name", "description", "text")

    def perturb(
        self, queries: Sequence[Query], kb: KnowledgeBase, gold: Sequence[str | None], seeds: Sequence[int]
    ) -> list[EntityEdit]:
        """See `KnowledgeAttack.perturb`."""
        edits = []
        for page, (first, *_) in by_page(impostors(queries, kb, gold)).items():
            right = kb[first.gold]
            asked = list(dict.fromkeys(query.text for query in first.queries if query.text))
            text = " ".join([*asked, right.text]).strip()
            edits.append(EntityEdit(page, name=right.name, description=right.description, text=text))
        return edits
