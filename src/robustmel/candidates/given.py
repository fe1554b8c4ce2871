"""The candidates that came with the data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from robustmel.candidates.ranking import require_count
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.types import Mention


@dataclass(frozen=True)
class Given:
    """Keeps the data set's own candidate lists.

    Args:
        k: Keep at most the first k of each list, in the data set's order; None keeps all. What is listed twice counts where it is first.
    """

    k: int | None = None

    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if self.k is not None:
            require_count("given", self.k)

    def candidates(self, mentions: Sequence[Mention], kb: KnowledgeBase, train: Sequence[Mention]) -> list[tuple[str, ...]]:
        """See `CandidateGenerator.candidates`.

        Raises:
            UsageError: A mention came without a list.
        """
        without = [mention.id for mention in mentions if mention.candidates is None]
        if without:
            raise UsageError(
                f"the data set gives no candidates for {len(without)} of {len(mentions)} mentions (first: {without[0]}). "
                'Choose a generator: candidates = "prior" (names and training counts), "bm25", "dense" or "all" '
                "(the whole knowledge base)."
            )
        return [tuple(dict.fromkeys(mention.candidates or ()))[: self.k] for mention in mentions]
