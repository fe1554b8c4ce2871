"""The candidates of several generators in one list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, ClassVar

from robustmel.candidates.contract import CandidateGenerator
from robustmel.candidates.ranking import require_count
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.types import Mention

Table = str | Mapping[str, Any]


@dataclass(frozen=True)
class Union:
    """Takes from each generator in turn its next best candidate, until the list is full.

    Args:
        of: The generators: names, or tables as in a grid ({name = "bm25", k = 50}); two at least.
        k: Length of a list at most.

    Raises:
        UsageError: There are fewer than two generators, or one of them is none.
    """

    of: Sequence[Table] = ("prior", "bm25")
    k: int = 10

    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        require_count("union", self.k)
        if isinstance(self.of, str | Mapping) or len(self.of) < 2:
            raise UsageError('candidate generator union needs two generators at least; write of = ["prior", "bm25"].')
        object.__setattr__(self, "of", tuple(self.of))  # a grid gives a list
        for table in self.of:
            _made(table)

    @property
    def uses_train(self) -> bool:
        """Whether one of them learns from the training split."""
        return any(getattr(_made(table), "uses_train", False) for table in self.of)

    @classmethod
    def assets(cls, *, of: Sequence[Table], **_: object) -> tuple[Path, ...]:
        """The files behind all of them."""
        from robustmel.candidates import CANDIDATES

        paths: list[Path] = []
        for table in of:
            name, parameters = _parts(table)
            loaded = CANDIDATES.load(name)
            if hasattr(loaded, "assets"):
                paths += loaded.assets(**CANDIDATES.parameters(name, parameters))
        return tuple(dict.fromkeys(paths))

    def candidates(self, mentions: Sequence[Mention], kb: KnowledgeBase, train: Sequence[Mention]) -> list[tuple[str, ...]]:
        """See `CandidateGenerator.candidates`."""
        lists = [_made(table).candidates(mentions, kb, train) for table in self.of]
        whole = kb.ids if any(ids is None for one_list in lists for ids in one_list) else ()
        return [
            _taken([whole if ids is None else ids for ids in of_mention], self.k) for of_mention in zip(*lists, strict=True)
        ]


def _taken(lists: Sequence[tuple[str, ...]], k: int) -> tuple[str, ...]:
    in_turn = chain.from_iterable(zip_longest(*lists))
    return tuple(dict.fromkeys(entity_id for entity_id in in_turn if entity_id is not None))[:k]


def _parts(table: Table) -> tuple[str, dict[str, Any]]:
    rest = {} if isinstance(table, str) else dict(table)
    name = table if isinstance(table, str) else rest.pop("name", None)
    if not isinstance(name, str):
        raise UsageError(f'candidate generator union: {table} has no name; write {{name = "bm25", k = 50}}.')
    return name, rest


def _made(table: Table) -> CandidateGenerator:
    from robustmel.candidates import CANDIDATES

    name, parameters = _parts(table)
    generator: CandidateGenerator = CANDIDATES.create(name, **parameters)
    return generator
