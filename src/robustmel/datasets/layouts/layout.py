"""What a layout reads out of a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from robustmel.errors import MissingError
from robustmel.records.load_report import LoadReport
from robustmel.types import Entity, Mention


@dataclass(frozen=True)
class Source:
    """What a layout is pointed at.

    Args:
        path: The folder (or the one file) of the data set.
        images: Folder of the mentions' images; None lets the layout look where it expects it.
        options: Further parameters of the data set, for the layouts that have use for them.
    """

    path: Path
    images: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Contents:
    """What was read.

    Args:
        mentions: In file order, the training split before validation before test.
        entities: Every entity the files speak of, each once, in order of first mention.
        record: Mention id -> record it came from, for splits by record; {} where every mention is a record of its own.
        addresses: Image file -> where it can be fetched from.
        tables: Files that say something about the mentions or entities beside the main ones, and were read.
    """

    mentions: Sequence[Mention]
    entities: Sequence[Entity]
    record: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[str, ...] = ()
    addresses: Mapping[Path, str] = field(default_factory=dict)


class Layout(Protocol):
    """One way in which the files of a data set lie in a folder."""

    @property
    def name(self) -> str:
        """As `check` prints it: "MELBench, raw"."""
        ...

    @property
    def expected(self) -> str:
        """The files it is recognised by, for the sentence about a wrong folder: "Wikidata-MEL.json"."""
        ...

    def found(self, source: Source) -> bool:
        """Whether the folder is laid out like this; looks at names alone."""
        ...

    def read(self, source: Source, report: LoadReport) -> Contents:
        """Reads everything; nothing is dropped without a remark.

        Raises:
            MissingError: A file is absent or a record is wrong; the sentence says where and what was expected.
        """
        ...


@dataclass(frozen=True)
class Refused:
    """A layout that is recognised and not read, because what it says is not enough or not true.

    Args:
        name: As in messages.
        files: Names (glob patterns) it is recognised by; all must be there.
        why: One or two sentences: what is wrong with it, and what to use instead.
    """

    name: str
    files: tuple[str, ...]
    why: str

    @property
    def expected(self) -> str:
        """Nothing that anybody should look for."""
        return ""

    def found(self, source: Source) -> bool:
        """Whether all of its files are there."""
        return source.path.is_dir() and all(any(source.path.glob(pattern)) for pattern in self.files)

    def read(self, source: Source, report: LoadReport) -> Contents:
        """Raises.

        Raises:
            MissingError: Always.
        """
        raise MissingError(f"{source.path} holds {self.name}: {self.why}")


def chosen(layouts: Sequence[Layout], source: Source, dataset: str) -> Layout:
    """The first layout that fits.

    Raises:
        MissingError: None does; the sentence says what was expected and what is there instead.
    """
    expected = " or ".join(layout.expected for layout in layouts if layout.expected)
    try:
        there = source.path.exists()
    except OSError as problem:
        raise MissingError(f"{str(source.path)[:200]} cannot be looked at: {problem.strerror or problem}.") from problem
    if not there:
        raise MissingError(
            f"no {dataset} at {source.path}: expected {expected}. `robustmel datasets {dataset}` explains the folder."
        )
    for layout in layouts:
        if layout.found(source):
            return layout
    raise MissingError(
        f"no {dataset} in {source.path} ({contents(source.path)}): expected {expected}. `robustmel datasets {dataset}` explains the folder."
    )


_PACKED = (".zip", ".tar", ".gz", ".tgz", ".7z", ".bz2", ".xz", ".rar")


def contents(path: Path) -> str:
    """What a wrong folder holds instead, and a hint where the data set lies in an archive still."""
    if path.is_file():
        packed = path.name.endswith(_PACKED)
        return f"unpack {path.name} first, with `robustmel unpack`" if packed else f"the file {path.name}"
    names = sorted(entry.name for entry in path.iterdir())
    archives = [name for name in names if name.endswith(_PACKED)]
    if archives:
        return (
            f"unpack {archives[0]} first, with `robustmel unpack`"
            if len(archives) == 1
            else "archives to be unpacked first, with `robustmel unpack`: " + ", ".join(archives[:5])
        )
    return "it holds: " + ", ".join(names[:5]) + (", ..." if len(names) > 5 else "") if names else "it is empty"
