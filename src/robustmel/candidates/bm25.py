"""Candidates by the words they share with the mention."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from robustmel.candidates.lexical import entity_index
from robustmel.candidates.ranking import require_count
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.retrieval.nearest import top
from robustmel.types import Mention


@dataclass(frozen=True)
class BM25:
    """Ranks entities by BM25 of their name, aliases and description.

    Every list has k entities (or the whole knowledge base): those sharing no word come last. Equal scores keep the order of
    the knowledge base.

    Args:
        k: Length of a list.
        text: Ask with surface and sentence; else with the surface alone.
        k1: Saturation of repeated words.
        b: Weight of an entry's length, 0 to 1.

    Source:
        Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, section 3.4.
    """

    k: int = 10
    text: bool = False
    k1: float = 1.5
    b: float = 0.75

    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        require_count("bm25", self.k)
        if not (self.k1 >= 0 and 0 <= self.b <= 1):
            raise UsageError(f"candidate generator bm25 needs k1 from 0 on and b in [0, 1]; got k1 = {self.k1}, b = {self.b}.")

    def candidates(self, mentions: Sequence[Mention], kb: KnowledgeBase, train: Sequence[Mention]) -> list[tuple[str, ...]]:
        """See `CandidateGenerator.candidates`."""
        index = entity_index(kb, self.k1, self.b)
        texts = [f"{mention.surface} {mention.text}" if self.text else mention.surface for mention in mentions]
        lists = {query: tuple(kb.ids[place] for place in top(index.scores(query), self.k)) for query in dict.fromkeys(texts)}
        return [lists[query] for query in texts]
