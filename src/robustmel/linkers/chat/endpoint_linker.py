"""What linkers behind an endpoint have in common: a list in an order drawn, several queries in flight, errors as rows."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from robustmel.at_once import at_once
from robustmel.errors import ImageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.chat.service import ChatError
from robustmel.linkers.chat.settings import UNKEYED
from robustmel.linkers.ranking import in_order_shown
from robustmel.types import TASKS, Prediction, Query, Task


class EndpointLinker(ABC):
    """A linker that asks an endpoint about each query.

    Attributes:
        kb: Names of the candidates.
        shuffled: Whether they are listed in an order drawn for each query, from its seed.
        max_side: Longer images are reduced to this many pixels before they are sent.
        in_flight: Requests that are open at the same time.
    """

    tasks: ClassVar[tuple[Task, ...]] = TASKS
    reads_labels: ClassVar[bool] = True
    random: ClassVar[bool] = True
    remote: ClassVar[bool] = True
    unkeyed: ClassVar[tuple[str, ...]] = UNKEYED

    kb: KnowledgeBase
    shuffled: bool
    max_side: int
    in_flight: int

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """One prediction a query, in order, several asked at a time.

        Raises:
            MissingError: The endpoint refuses the key, knows no such model, or does not give what the linker needs.
            RobustMELError: A limit on calls or cost is reached; what was answered is kept.
        """
        return list(at_once(lambda query: self._answer(query, task), queries, self.in_flight))

    def shown(self, query: Query) -> list[str]:
        """The candidates in the order in which they are listed, those that read the same included."""
        return in_order_shown(query, self.shuffled)

    @abstractmethod
    def ask(self, query: Query, task: Task, listed: Sequence[str]) -> Prediction:
        """The answer to a query, without its seconds.

        Args:
            query: What is asked.
            task: What of it is sent.
            listed: The candidates as they are shown, one at least; all are in the knowledge base.

        Raises:
            ImageError: Its image cannot be used.
            ChatError: There is no reply.
        """

    def _answer(self, query: Query, task: Task) -> Prediction:
        listed = self.shown(query)
        if not listed:
            return Prediction(query.id, status="nil")
        if any(entity not in self.kb for entity in listed):
            return Prediction(query.id, error="unknown_candidate")
        began = time.perf_counter()
        try:
            answer = self.ask(query, task, listed)
        except ImageError as problem:
            return Prediction(query.id, error=problem.kind)
        except ChatError as problem:
            answer = Prediction(query.id, error=str(problem))
        return replace(answer, seconds=time.perf_counter() - began)
