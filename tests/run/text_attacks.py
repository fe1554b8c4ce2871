"""Attacks for tests: one on texts that asks nobody, one that asks for scores, and one on the knowledge base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from robustmel.kb import KnowledgeBase
from robustmel.types import EntityEdit, Query, TextEdit


@dataclass(frozen=True)
class UpperCase:
    """Upper-cases every sentence, the mention included.

    Source:
        None: a test.
    """

    modality: ClassVar[Literal["text"]] = "text"
    writes: ClassVar[tuple[str, ...]] = ("text", "surface", "span")
    needs: ClassVar[Literal["nothing"]] = "nothing"
    threat_model: ClassVar[str] = "text"
    random: ClassVar[bool] = False
    version: ClassVar[int] = 1
    budget: ClassVar[str] = "all"

    def passes(self) -> int:
        return 0

    def perturb(
        self, queries: Sequence[Query], objective: Any, gold: Sequence[str | None], seeds: Sequence[int]
    ) -> list[TextEdit]:
        return [TextEdit(query.id, query.text.upper(), query.surface.upper(), query.span, edits=1) for query in queries]


@dataclass(frozen=True)
class GuidedUpperCase(UpperCase):
    """Keeps upper case only where the right entity no longer stands alone in the first place."""

    needs: ClassVar[Literal["scores"]] = "scores"  # type: ignore[assignment]

    def passes(self) -> int:
        return 1

    def perturb(
        self, queries: Sequence[Query], objective: Any, gold: Sequence[str | None], seeds: Sequence[int]
    ) -> list[TextEdit]:
        edits = []
        for query, right in zip(queries, gold, strict=True):
            loud = replace(query, text=query.text.upper())
            hit = bool(objective([query, loud], [right] * 2)[1] <= 0)
            edits.append(TextEdit(query.id, loud.text if hit else query.text, query.surface, None, hit, queries=2))
        return edits


@dataclass(frozen=True)
class Swap:
    """Gives two entities each other's description."""

    first: str = "red"
    second: str = "blue"

    modality: ClassVar[Literal["knowledge"]] = "knowledge"
    writes: ClassVar[tuple[str, ...]] = ("description",)
    needs: ClassVar[Literal["nothing"]] = "nothing"
    threat_model: ClassVar[str] = "knowledge"
    random: ClassVar[bool] = False
    version: ClassVar[int] = 1
    budget: ClassVar[str] = "2 entries"

    def passes(self) -> int:
        return 0

    def perturb(
        self, queries: Sequence[Query], kb: KnowledgeBase, gold: Sequence[str | None], seeds: Sequence[int]
    ) -> list[EntityEdit]:
        pair = (self.first, self.second), (self.second, self.first)
        return [EntityEdit(entity, description=kb[other].description) for entity, other in pair]
