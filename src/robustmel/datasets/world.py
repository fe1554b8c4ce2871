"""The embedded data sets: drawn flags with captions, as news and as sport."""

from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from robustmel.datasets.dataset import Dataset
from robustmel.datasets.jsonl import JSONL
from robustmel.datasets.mentions import split_name
from robustmel.errors import MissingError
from robustmel.records.load_report import LoadReport
from robustmel.world.materialise import VERSION, materialised
from robustmel.world.mentions import SPLITS


@dataclass(frozen=True)
class _World:
    """A data set of the embedded world; made at its first use, then read like any other."""

    version: ClassVar[int] = VERSION
    lazy_splits: ClassVar[bool] = True
    name: ClassVar[str]

    def load(self, split: str = "all") -> Dataset:
        """One split ("train", "validation", "test") or "all" of them; only what is asked for is drawn.

        Raises:
            MissingError: There is no such split, or the cache folder cannot be written.
        """
        splits = SPLITS if split == "all" else (split_name(split),)
        if not set(splits) <= set(SPLITS):
            raise MissingError(f'data set {self.name} has no split "{split}"; it has: {", ".join(SPLITS)} (or "all").')
        parts = [_read(materialised(self.name, name), self.name) for name in splits]
        report = LoadReport("embedded", sum((part.report.counts for part in parts), Counter()))
        for part in parts:
            for reason, places in part.report.examples.items():
                report.examples[reason] = (report.examples[reason] + places)[:5]
        mentions = tuple(mention for part in parts for mention in part.mentions)
        folders = tuple(folder for part in parts for folder in part.folders)
        return replace(parts[0], mentions=mentions, report=report, licence="Apache-2.0", folders=folders)


@lru_cache(maxsize=2 * len(SPLITS))
def _read(folder: Path, name: str) -> Dataset:
    """One split; what the package made does not change, and subsets, renamed copies and plans ask for it again and again."""
    return JSONL(folder, name=name).load()


@dataclass(frozen=True)
class WorldNews(_World):
    """Try things out: drawn flags in news captions, made by the package itself; nothing to fetch."""

    name: ClassVar[str] = "world-news"


@dataclass(frozen=True)
class WorldSport(_World):
    """Try things out on unseen entities: drawn flags at matches and regattas, made by the package itself."""

    name: ClassVar[str] = "world-sport"
