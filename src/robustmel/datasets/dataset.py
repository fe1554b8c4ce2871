"""A loaded data set: mentions, the knowledge base they point into, and the report of its reading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pyarrow as pa

from robustmel.columnar import Columnar, taken
from robustmel.errors import MissingError
from robustmel.kb import KnowledgeBase
from robustmel.mention_columns import in_columns
from robustmel.records.image_paths import stays_inside
from robustmel.records.load_report import LoadReport
from robustmel.types import Mention


@dataclass(frozen=True)
class Dataset:
    """Mentions over a knowledge base.

    Args:
        name: As shown in tables, and part of the mentions' opaque ids.
        mentions: In file order; kept in columns, each an object while it is looked at.
        kb: Every entity a linker may answer with.
        report: What was wrong.
        licence: Of the data, as its owner states it; "" where unknown.
        addresses: Image file -> where the data set says it can be fetched from.
        folders: Where its files lie; none for one that is made. An image that `outside` finds elsewhere must not be published.
        source: The `Component` it was loaded by, where a script loaded it; for its other splits.
        merged: Ids that are no longer used -> those of the same entities here, for answers that were made elsewhere.

    Raises:
        MissingError: Two mentions have one id, or a mention holds what no text can hold or a value of another type than `Mention` says.
    """

    name: str
    mentions: Sequence[Mention]
    kb: KnowledgeBase
    report: LoadReport
    licence: str = ""
    addresses: Mapping[Path, str] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()
    source: Any = field(default=None, compare=False, repr=False)
    merged: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.mentions, Columnar):
            ids = Counter(mention.id for mention in self.mentions)
            if repeated := next((name for name, count in ids.items() if count > 1), None):
                raise MissingError(f'data set {self.name}: several mentions have the id "{repeated}"; give each its own.')
            try:
                object.__setattr__(self, "mentions", in_columns(self.mentions))
            except UnicodeEncodeError as problem:
                raise MissingError(
                    f"data set {self.name}: {problem.object!r} holds half a surrogate pair, which is no character; replace it."
                ) from problem
            except pa.ArrowException as problem:
                raise MissingError(
                    f"data set {self.name}: a field of a mention is not of the type that Mention says: {problem}."
                ) from problem

    def __len__(self) -> int:
        return len(self.mentions)

    def __iter__(self) -> Iterator[Mention]:
        return iter(self.mentions)

    def __getitem__(self, index: slice) -> Dataset:
        """A data set of some of the mentions (`data[:8]`)."""
        return replace(self, mentions=self.mentions[index])

    def outside(self, image: Path) -> bool:
        """Whether an image is a link out of the data set's folders."""
        return bool(self.folders) and not stays_inside(image, self.folders)

    def asked_for(self, source: Any) -> Dataset:
        """The same, knowing how it was asked for."""
        return replace(self, source=source)

    def split(self, name: str) -> Dataset:
        """The mentions of one split ("all" keeps every one).

        Raises:
            MissingError: No mention has that split.
        """
        if name == "all":
            return self
        places: dict[str | None, list[int]] = {}
        for place, mention in enumerate(self.mentions):
            places.setdefault(mention.split, []).append(place)
        if places and name not in places:
            splits = sorted(split or "none" for split in places)
            raise MissingError(f'data set {self.name} has no split "{name}"; it has: {", ".join(splits)} (or "all").')
        return replace(self, mentions=taken(self.mentions, places.get(name, ())))


class DatasetLoader(Protocol):
    """A component of `DATASETS`: its constructor's keywords are the parameters a grid may set.

    A loader that makes each split on its own sets `lazy_splits = True`: it is then never asked for "all" where one will do.
    """

    version: ClassVar[int]

    def load(self, split: str = "all") -> Dataset:
        """Reads the data set (or one split of it).

        Raises:
            MissingError: Files are absent or unreadable; the sentence names the path and what was expected.
        """
