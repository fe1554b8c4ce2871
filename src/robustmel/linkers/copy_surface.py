"""The baseline that copies: the answer is what the mention is called."""

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import check_task
from robustmel.types import Prediction, Query, Task


class CopySurface:
    """A baseline for generative linkers: answers with the entities whose name is the surface, letter by letter.

    A generated name is often a copy of the mention. What a linker gains over this baseline, it linked. Homonyms share the score;
    a surface that is nobody's name gives NIL with status "unknown_name". Aliases are not looked at.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("IT2T", "T2T")
    version: ClassVar[int] = 1
    open_answers: ClassVar[bool] = True

    def __init__(self, kb: KnowledgeBase, /) -> None:
        self.kb = kb

    @cached_property
    def _named(self) -> dict[str, list[str]]:
        named: dict[str, list[str]] = {}
        for entity in self.kb:
            named.setdefault(entity.name, []).append(entity.id)
        return named

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """One prediction a query, in order."""
        check_task(self, task)
        return [self._answer(query) for query in queries]

    def _answer(self, query: Query) -> Prediction:
        named = self._named.get(query.surface, [])
        ranked = tuple(entity for entity in named if query.candidates is None or entity in query.candidates)
        status = "ok" if ranked else "unknown_name"
        return Prediction(query.id, ranked, (1.0,) * len(ranked), text=query.surface, status=status)
