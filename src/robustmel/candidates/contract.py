"""What a candidate generator must offer."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

from robustmel.kb import KnowledgeBase
from robustmel.types import Mention


class CandidateGenerator(Protocol):
    """A component of `CANDIDATES`: a frozen dataclass whose fields are its parameters.

    A generator that learns from the training split says so with the class variable `uses_train = True`; others get no `train`.

    Candidates are computed once, on the clean text, before any attack, so that attack and evaluation see the same classes.
    """

    version: ClassVar[int]

    def candidates(
        self, mentions: Sequence[Mention], kb: KnowledgeBase, train: Sequence[Mention]
    ) -> Sequence[tuple[str, ...] | None]:
        """Candidate ids for every mention, in the order given; best first, without repeats, possibly without the gold one.

        None opens the whole knowledge base to a mention; no list is written then.

        Args:
            mentions: To find candidates for; their `gold` must not be looked at.
            kb: Where candidates come from.
            train: Mentions of the training split (empty where the data set has none), whose gold may be used.

        Raises:
            UsageError: The generator cannot work on this data set; the sentence says which one can.
        """
