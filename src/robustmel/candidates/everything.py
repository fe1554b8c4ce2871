"""The whole knowledge base, open."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from robustmel.kb import KnowledgeBase
from robustmel.types import Mention


@dataclass(frozen=True)
class Everything:
    """Lets every mention choose among all entities: recall is 1 wherever the gold entity is known at all."""

    version: ClassVar[int] = 1

    def candidates(self, mentions: Sequence[Mention], kb: KnowledgeBase, train: Sequence[Mention]) -> list[None]:
        """See `CandidateGenerator.candidates`."""
        return [None] * len(mentions)
