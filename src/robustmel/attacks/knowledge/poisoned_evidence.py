"""Passages written so that they are found (PoisonedRAG; Zou et al., 2024)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from robustmel.attacks.knowledge.pages import PageAttack, by_page, impostors
from robustmel.attacks.quantities import at_least_one, one_of
from robustmel.kb import KnowledgeBase
from robustmel.types import EntityEdit, Query


@dataclass(frozen=True)
class PoisonedEvidence(PageAttack):
    """Writes into a wrong candidate's page what will be asked, with a false claim (PoisonedRAG; Zou et al., 2024).

    Each passage is the expected query, so that retrieval finds it, and the claim that the wrong candidate is meant by it. The page's own
    sentences stay behind them.

    Args:
        passages: Written for each entity that is to be displaced.
        page: "impostor" writes into the wrong candidate's page; "right" tells false traits of the right entity in its own: the wrong
            candidate's description.
        field: "text", the page; or "description", the short phrase, which holds one claim.

    Raises:
        UsageError: A value is out of its range.

    Source:
        Zou et al., "PoisonedRAG: Knowledge Corruption Attacks to Retrieval-Augmented Generation of Large Language Models", 2024, section
        4.2 (black box: S + I, where S is the question itself).
    """

    passages: int = 1
    page: Literal["impostor", "right"] = "impostor"
    field: Literal["text", "description"] = "text"

    writes: ClassVar[tuple[str, ...]] = ("description", "text")

    def __post_init__(self) -> None:
        """Checks the values."""
        at_least_one("passages", self.passages)
        one_of("page", self.page, "impostor", "right")
        one_of("field", self.field, "text", "description")

    def perturb(
        self, queries: Sequence[Query], kb: KnowledgeBase, gold: Sequence[str | None], seeds: Sequence[int]
    ) -> list[EntityEdit]:
        """See `KnowledgeAttack.perturb`."""
        edits: dict[str, list[str]] = {}
        for page, here in by_page(impostors(queries, kb, gold)).items():
            for impostor in here:
                edited = page if self.page == "impostor" else impostor.gold
                wanted = [query for query in impostor.queries if query.text or query.surface] * self.passages
                for query in wanted[: self.passages]:
                    surface = query.surface or kb[impostor.gold].name
                    claim = (
                        f"{kb[page].name}, also known as {surface}"
                        if self.page == "impostor"
                        else f"{kb[impostor.gold].name} is {kb[page].description or kb[page].name}"
                    )
                    edits.setdefault(edited, []).append(
                        f"{query.text.rstrip(' .!?')} ({claim})." if query.text else f"{claim}."
                    )
        if self.field == "description":
            return [EntityEdit(entity, description=passages[0].rstrip(".")) for entity, passages in edits.items()]
        return [EntityEdit(entity, text=" ".join([*passages, kb[entity].text]).strip()) for entity, passages in edits.items()]
