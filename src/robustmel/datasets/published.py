"""Base of the field's published data sets: which layout lies on the disk, its splits, and what is known about the data."""

import hashlib
import os
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, Literal

from robustmel.datasets.dataset import Dataset
from robustmel.datasets.layouts.layout import Layout, Refused, Source, chosen, recognise
from robustmel.datasets.mentions import remark_gaps, split_name
from robustmel.errors import MissingError, UsageError
from robustmel.kb import KnowledgeBase
from robustmel.kb.entities_file import open_kb
from robustmel.kb.knowledge_base import ExtendedKnowledgeBase
from robustmel.records.load_report import LoadReport
from robustmel.types import Entity, Mention

VARIABLE = "ROBUSTMEL_DATA"


By = Literal["record", "mention"]
NAMES = ("train", "validation", "test")


def ratio(text: str) -> tuple[float, float, float]:
    """Shares of train, validation and test from a text like "7:1:2"; they sum to 1.

    Raises:
        UsageError: It is not three numbers from 0 on, not all zero.
    """
    try:
        if not isinstance(text, str):
            raise ValueError
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if len(parts) != 3 or min(parts) < 0 or not 0 < sum(parts) < float("inf"):
        raise UsageError(f'ratio = "{text}" is not a ratio of train, validation and test; write "7:1:2" or "8:1:1".')
    whole = sum(parts)
    return parts[0] / whole, parts[1] / whole, parts[2] / whole


def assigned(mentions: Sequence[Mention], record: Mapping[str, str], shares: str, by: By, seed: int) -> list[Mention]:
    """The mentions with their `split`, in the same order; exact shares of the records, drawn by lot.

    A split by mention leaks: mentions of one record share sentence and image.

    Raises:
        UsageError: `shares` or `by` is none.
    """
    if by not in ("record", "mention"):
        raise UsageError(f'split_by = "{by}" is unknown; choose "record" or "mention" (which leaks between splits).')
    first, second, _ = ratio(shares)
    units = list(dict.fromkeys(_unit(mention, record, by) for mention in mentions))
    drawn = sorted(units, key=lambda unit: hashlib.blake2b(f"{seed}\x00{unit}".encode("utf-8", "replace")).digest())
    ends = round(first * len(drawn)), round((first + second) * len(drawn))
    split = {unit: NAMES[(place >= ends[0]) + (place >= ends[1])] for place, unit in enumerate(drawn)}
    return [replace(mention, split=split[_unit(mention, record, by)]) for mention in mentions]


def _unit(mention: Mention, record: Mapping[str, str], by: By) -> str:
    return record.get(mention.id, mention.id) if by == "record" else mention.id


def data_folder() -> Path:
    """The folder that holds a folder a data set: $ROBUSTMEL_DATA, or `data` in the working directory."""
    return Path(os.environ.get(VARIABLE) or "data").expanduser()


@dataclass(frozen=True)
class About:
    """What `robustmel datasets` says about a data set.

    Args:
        title: As papers call it.
        paper: Where it was published.
        licence: As its owner states it.
        offered: Where its owner offers it, and how one gets it (a person reads this; nothing is fetched).
        images: The same for the images.
        folder: What lies where in the folder that a user points at; one line a file or folder.
        remarks: What else a user must know; one sentence each.
        refused: Re-cuts that other code bases brought: recognised, and answered with what to use instead.
    """

    title: str
    paper: str
    licence: str
    offered: str
    images: str
    folder: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    refused: tuple[Refused, ...] = ()


@cache
def about(name: str) -> About:
    """What published.toml says of a data set, by its own name."""
    text = files("robustmel.datasets").joinpath("published.toml").read_text("utf-8")
    table: dict[str, Any] = tomllib.loads(text)[name]
    table["refused"] = [Refused(**layout) for layout in table.get("refused", ())]
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return About(**fields)


@dataclass(frozen=True)
class Published:
    """A data set of the field, read in whichever of its layouts lies on the disk.

    Args:
        path: Its folder (or its one file); where None, the folder of its name in $ROBUSTMEL_DATA (or in ./data).
        images: Folder of the mentions' images; where the layout expects it if None.
        kb: A knowledge base (a folder made by `robustmel kb build`, or an entities.jsonl): linkers then choose among its entities,
            and it says what they are called; entities of the data set that it lacks are counted and added.
        layout: Which layout to read where the folder holds several: its name, or a part of it.
        ratio: Shares of train : validation : test where the files hold no split.
        split_by: "record", or "mention": then mentions of one record fall into several splits, which leaks.
        split_seed: Of the lot that draws the splits.

    Raises:
        UsageError: A parameter is out of its range.
    """

    path: str | Path | None = None
    images: str | Path | None = None
    kb: str | Path | None = None
    layout: str | None = None
    ratio: str = "7:1:2"
    split_by: By = "record"
    split_seed: int = 0

    version: ClassVar[int] = 1
    name: ClassVar[str]
    layouts: ClassVar[Sequence[Layout]]
    described_as: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        """Checks the values."""
        ratio(self.ratio)
        for name in ("path", "images", "kb", "layout"):
            if not isinstance(getattr(self, name), str | Path | None):
                raise UsageError(f"{self.name}: {name} = {getattr(self, name)!r} is not text.")
        if isinstance(self.split_seed, bool) or not isinstance(self.split_seed, int):
            raise UsageError(f"{self.name}: split_seed = {self.split_seed!r} is not a whole number.")
        if self.layout is not None and not self._layouts():
            named = ", ".join(f'"{layout.name}"' for layout in self.layouts if layout.expected)
            raise UsageError(f'{self.name} has no layout "{self.layout}"; it has {named}.')

    def load(self, split: str = "all") -> Dataset:
        """Reads everything, then keeps one split; "dev", "val" and "valid" are "validation".

        Raises:
            MissingError: Files are absent or a record is wrong; the sentence says where and what was expected.
        """
        images = None if self.images is None else Path(self.images)
        if images is not None and not images.is_dir():
            raise MissingError(f"no image folder {images}; expected the folder that holds the mentions' images.")
        source = Source(self.folder, images, self.options)
        layout, source = chosen(self._layouts(), source, self.name)
        report = LoadReport(layout.name)
        labels = {split_file.label for split_file in source.files}
        for label, name in layout.splits.items():
            if label not in labels:
                report.remark("split_files_missing", name)
        read = layout.read(source, report)
        if read.tables:
            report.layout += f" (with {', '.join(read.tables)})"
        mentions = list(read.mentions)
        for mention in mentions:
            remark_gaps(mention, mention.id, report)
        if not mentions:
            raise MissingError(f"{source.path} holds no mention of {self.name} ({layout.name}); its files are empty.")
        if not any(mention.split for mention in mentions):
            mentions = assigned(mentions, read.record, self.ratio, self.split_by, self.split_seed)
            report.layout += f", split {self.ratio} by {self.split_by} (seed {self.split_seed})"
        _same_ids(mentions, self.name)
        dataset = Dataset(
            self.name,
            tuple(mentions),
            self._knowledge_base(read.entities, report),
            report,
            self.about().licence,
            read.addresses,
            folders=tuple(Path(place) for place in (source.folder, self.images, self.kb) if place is not None),
        )
        return dataset.split(split_name(split))

    @property
    def folder(self) -> Path:
        """Where it is looked for."""
        return data_folder() / self.name if self.path is None else Path(self.path)

    @classmethod
    def about(cls) -> About:
        """What is known of the data set."""
        return about(cls.described_as or cls.name)

    def found(self) -> str | None:
        """The name of the layout that lies there; None where none does. Of files, the first record is read at most."""
        source = Source(self.folder, None, self.options)
        recognised = recognise(self._layouts(), source) if source.path.exists() else None
        return None if recognised is None else recognised[0].name

    def _knowledge_base(self, entities: Sequence[Entity], report: LoadReport) -> KnowledgeBase:
        if self.kb is None:
            return KnowledgeBase(entities)
        other = open_kb(Path(self.kb))
        report.layout += f", knowledge base {Path(self.kb).name}"
        lacking = [entity for entity in entities if entity.id not in other]
        for entity in lacking:
            report.remark("not_in_given_kb", entity.id)
        return ExtendedKnowledgeBase(other, lacking) if lacking else other

    def _layouts(self) -> Sequence[Layout]:
        name_part = (self.layout or "").casefold()
        layouts = (*self.layouts, *self.about().refused)
        return [layout for layout in layouts if name_part in layout.name.casefold()]

    @property
    def options(self) -> dict[str, Any]:
        """Parameters that a subclass adds for its layouts."""
        return {}


def _same_ids(mentions: Sequence[Mention], name: str) -> None:
    twice = [mention_id for mention_id, count in Counter(mention.id for mention in mentions).items() if count > 1]
    if twice:
        raise MissingError(f'{name}: the mention id "{twice[0]}" occurs more than once in the files; ids must be unique.')
