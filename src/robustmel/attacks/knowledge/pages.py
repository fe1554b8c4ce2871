"""Which pages an attacker with write access edits, and the base of the attacks that do."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from robustmel.kb import KnowledgeBase
from robustmel.types import Query


@dataclass(frozen=True, slots=True)
class Impostor:
    """A wrong candidate that an attacker wants to be taken for the right one.

    Args:
        id: The wrong candidate.
        gold: The right entity.
        queries: Those that ask for the right one and list the wrong one.
    """

    id: str
    gold: str
    queries: list[Query] = field(default_factory=list)


def impostors(queries: Sequence[Query], kb: KnowledgeBase, gold: Sequence[str | None]) -> list[Impostor]:
    """For each right entity that can be displaced, the wrong candidate that is listed beside it most often.

    An entity that no query asks for is taken before one that some do, so that few pages serve two masters; ties go by the order of
    the knowledge base. Open queries list everything and name nobody, so they have none.
    """
    asked: dict[str, list[Query]] = defaultdict(list)
    for query, right in zip(queries, gold, strict=True):
        if right is not None and right in kb and right in (query.candidates or ()):
            asked[right].append(query)
    chosen = []
    for right, of in asked.items():
        beside = Counter(other for query in of for other in query.listed if other != right and other in kb)
        if beside:
            wrong = min(beside, key=lambda other: (other in asked, -beside[other], kb.position(other)))
            chosen.append(Impostor(wrong, right, [query for query in of if wrong in query.listed]))
    return chosen


class PageAttack:
    """Base of what edits pages without asking a linker anything; a subclass is a frozen dataclass."""

    modality: ClassVar[Literal["knowledge"]] = "knowledge"
    needs: ClassVar[Literal["nothing"]] = "nothing"
    threat_model: ClassVar[str] = "knowledge base"
    random: ClassVar[bool] = False
    version: ClassVar[int] = 1
    budget: ClassVar[str] = "1 page an entity"

    def passes(self) -> int:
        """None."""
        return 0


def by_page(chosen: Sequence[Impostor]) -> Mapping[str, list[Impostor]]:
    """The impostors on each page, in order: one page may pretend to be several entities."""
    pages: defaultdict[str, list[Impostor]] = defaultdict(list)
    for impostor in chosen:
        pages[impostor.id].append(impostor)
    return pages
