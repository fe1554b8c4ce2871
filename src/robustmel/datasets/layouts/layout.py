"""What a layout reads out of a folder."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

from robustmel.datasets.mentions import split_name
from robustmel.errors import MissingError
from robustmel.records.load_report import LoadReport
from robustmel.types import Entity, Mention

_SPLIT = re.compile(r"(?:^|[_. -])(train|training|dev|val|valid|validation|test|testing)(?=[_. -]|$)", re.IGNORECASE)
_ORDER = ("train", "validation", "test", None)


class SplitFile(NamedTuple):
    """A file of mentions.

    Args:
        file: Where it lies.
        label: Its split as the layout calls it ("dev"); None where its name says none.
    """

    file: Path
    label: str | None

    @property
    def split(self) -> str | None:
        """The split as the package calls it."""
        return None if self.label is None else split_name(self.label)

    @property
    def prefix(self) -> str:
        """What the ids of its mentions begin with, where records have none."""
        return self.label or self.file.stem


def label_in(name: str) -> str | None:
    """The split that a file's name (without its suffix) speaks of; None where it speaks of none."""
    spoken = _SPLIT.search(name)
    return spoken.group(1).casefold() if spoken else None


@dataclass(frozen=True)
class Source:
    """What a layout is pointed at.

    Args:
        path: The folder (or the one file) of the data set.
        images: Folder of the mentions' images; None lets the layout look where it expects it.
        options: Further parameters of the data set, for the layouts that have use for them.
        files: The files of mentions that were recognised, the training split before validation before test.
    """

    path: Path
    images: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[SplitFile, ...] = ()

    @property
    def folder(self) -> Path:
        """Where tables and images are looked for."""
        return self.path if self.path.is_dir() else self.path.parent


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

    @property
    def expected(self) -> str:
        """The files it is recognised by, for the sentence about a wrong folder: "Wikidata-MEL.json"."""

    @property
    def splits(self) -> Mapping[str, str]:
        """Label of a split -> the file it is expected in; empty where the whole lies in one file."""

    def split_files(self, folder: Path) -> list[SplitFile]:
        """The files of mentions that lie in a folder under the names expected."""

    def fits(self, file: Path) -> bool:
        """Whether a file, whatever its name, holds mentions as this layout writes them; looks at its first record."""

    def read(self, source: Source, report: LoadReport) -> Contents:
        """Reads everything; nothing is dropped without a remark.

        Raises:
            MissingError: A file is absent or a record is wrong; the sentence says where and what was expected.
        """


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

    expected: ClassVar[str] = ""
    splits: ClassVar[Mapping[str, str]] = {}

    def split_files(self, folder: Path) -> list[SplitFile]:
        """Its files, if all are there."""
        there = [sorted(folder.glob(pattern)) for pattern in self.files]
        return [SplitFile(files[0], None) for files in there] if all(there) else []

    def fits(self, file: Path) -> bool:
        """Never: it is recognised by its names alone."""
        return False

    def read(self, source: Source, report: LoadReport) -> Contents:
        """Raises.

        Raises:
            MissingError: Always.
        """
        raise MissingError(f"{source.path} holds {self.name}: {self.why}")


def chosen(layouts: Sequence[Layout], source: Source, dataset: str) -> tuple[Layout, Source]:
    """The first layout that fits by the names of files, else by what is in them; and the source with its files.

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
    if (recognised := recognise(layouts, source)) is not None:
        return recognised
    raise MissingError(
        f"no {dataset} in {source.path} ({contents(source.path)}): expected {expected}. `robustmel datasets {dataset}` explains the folder."
    )


def recognise(layouts: Sequence[Layout], source: Source) -> tuple[Layout, Source] | None:
    """See `chosen`; None where no layout fits.

    Raises:
        MissingError: Several files that nobody named fit, and nothing says which is which split.
    """
    path = source.path
    whole = path.is_dir()
    for layout in layouts:
        matching = [split_file for split_file in layout.split_files(source.folder) if whole or split_file.file == path]
        if matching:
            return layout, replace(source, files=tuple(matching))
    files = sorted(file for file in path.iterdir() if file.suffix in (".json", ".jsonl")) if path.is_dir() else [path]
    for layout in layouts:
        labels = {split_name(label): label for label in layout.splits}
        fitting = [SplitFile(file, label_in(file.stem)) for file in files if file.is_file() and layout.fits(file)]
        if len({split_file.split for split_file in fitting}) < len(fitting):
            names = ", ".join(split_file.file.name for split_file in fitting[:3])
            raise MissingError(
                f"{path} holds several files of {layout.name} ({names}), and their names do not say which split each is; give one of"
                f" them as path, or name them {layout.expected}."
            )
        if fitting:
            ordered = sorted(fitting, key=lambda split_file: order(split_file.split))
            files_of = (
                split_file._replace(label=labels.get(split_file.split or "", split_file.label)) for split_file in ordered
            )
            return layout, replace(source, files=tuple(files_of))
    return None


def order(split: str | None) -> int:
    """Place of a split in the order in which they are read."""
    return _ORDER.index(split) if split in _ORDER else len(_ORDER)


_PACKED = (".zip", ".tar", ".gz", ".tgz", ".7z", ".bz2", ".xz", ".rar")


def contents(path: Path) -> str:
    """What a wrong folder holds instead, and a hint where the data set lies in an archive still."""
    if path.is_file():
        packed = path.name.endswith(_PACKED)
        return f"unpack {path.name} first, with `robustmel unpack`" if packed else f"the file {path.name}"
    if not path.is_dir():
        return "neither a file nor a folder"
    names = sorted(entry.name for entry in path.iterdir())
    archives = [name for name in names if name.endswith(_PACKED)]
    if archives:
        return (
            f"unpack {archives[0]} first, with `robustmel unpack`"
            if len(archives) == 1
            else "archives to be unpacked first, with `robustmel unpack`: " + ", ".join(archives[:5])
        )
    return "it holds: " + ", ".join(names[:5]) + (", ..." if len(names) > 5 else "") if names else "it is empty"


def first_folder(base: Path, *names: str) -> Path:
    """The first of these folders that is there; where none is, the first, for messages about what is missing."""
    return next((base / name for name in names if (base / name).is_dir()), base / names[0])
