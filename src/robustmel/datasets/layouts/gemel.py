"""GEMEL's files: JSON lines named .json, the mention marked in the text, features of the images in HDF5."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from robustmel.datasets.layouts.layout import Contents, Source, SplitFile, first_folder
from robustmel.datasets.spans import Span
from robustmel.datasets.tables import EntityTable, is_qid
from robustmel.datasets.titles import page_title, title
from robustmel.records.feature_file import FeatureFile
from robustmel.records.image_paths import image_path, wikidiverse_name
from robustmel.records.json_file import holds
from robustmel.records.json_lines import read_lines
from robustmel.records.load_report import LoadReport
from robustmel.records.record import Record, raw_record
from robustmel.types import Mention

START, END = "[START_ENT]", "[END_ENT]"


@dataclass(frozen=True)
class GEMEL:
    """Lines {text, mention, target, golden} and img_name (WikiMEL) or img_url (WikiDiverse).

    `golden` is a QID or the address of a page, "NIL" where there is no entity; `target` is the entity's name. Features of the
    images lie in an HDF5 file of one vector an image; they are compared with the images the lines name. Pickled files beside them are never read.

    Args:
        key: "img_name" or "img_url": which of the two data sets this is.
    """

    key: str

    name: str = "GEMEL, JSON lines"
    expected: str = "train.json, dev.json, test.json (JSON lines, GEMEL)"

    splits: ClassVar[Mapping[str, str]] = {label: f"{label}.json" for label in ("train", "dev", "test")}

    def split_files(self, folder: Path) -> list[SplitFile]:
        """The splits that are there, if one holds lines with this data set's key for images."""
        there = [SplitFile(folder / name, label) for label, name in self.splits.items() if (folder / name).is_file()]
        return there if any(self.fits(split_file.file) for split_file in there) else []

    def fits(self, file: Path) -> bool:
        """Whether it holds lines with this data set's key for images."""
        return holds(file, ("lines",), "golden", self.key)

    def read(self, source: Source, report: LoadReport) -> Contents:
        """See `Layout.read`."""
        table, mentions, keys, record = EntityTable(report), [], set(), {}
        addresses: dict[Path, str] = {}
        images = source.images or first_folder(source.folder, "images", "mention_image", "wikinewsImgs")
        for split_file in source.files:
            file = split_file.file
            if not file.read_bytes().strip():
                report.remark("empty_split_files", file.name)
            for number, (place, value) in enumerate(read_lines(file, report), start=1):
                report.counts["records"] += 1
                row = raw_record(place, value, "text", "mention", "golden")
                mention = self._mention(row, f"{split_file.prefix}-{number}", split_file.split, images, table, report)
                mentions.append(mention)
                record[mention.id] = f"{mention.text}\x00{row.text(self.key)}"
                if row.text(self.key):
                    keys.add(row.text(self.key))
                if mention.image is not None and self.key == "img_url":
                    addresses[mention.image] = row.text(self.key)
        for pickled in sorted(source.folder.glob("*.pkl")):
            report.remark("pickles_ignored", pickled.name)
        return Contents(mentions, table.entities(), record, _compared(source.folder, keys, report), addresses)

    def _mention(
        self, row: Record, mention_id: str, split: str | None, images: Path, table: EntityTable, report: LoadReport
    ) -> Mention:
        text, span = unmarked(row.text("text"))
        surface = row.text("mention")
        if span is None:
            report.remark("marks_missing", row.place)
        elif text[slice(*span)] != surface:
            report.remark("span_mismatch", f"{row.place}: marked {text[slice(*span)][:40]!r}, called {surface[:40]!r}")
        golden = row.text("golden")
        page, dirty = page_title(golden)
        if dirty:
            report.remark("dirty_addresses", f"{row.place}: {golden[:60]}")
        name = title(row.text("target")) or ("" if page is None or is_qid(page) else page)
        gold = None if page is None else table.add(page, name, row.place)
        named = row.text(self.key)
        file = wikidiverse_name(named) if named and self.key == "img_url" else named
        image = image_path(images, file, row.place, report)
        return Mention(mention_id, gold, surface, text, span, image, split=split)


def unmarked(text: str) -> tuple[str, Span | None]:
    """The text without the marks around the mention, and where the mention stands; None where there is not one pair of marks."""
    if text.count(START) != 1 or text.count(END) != 1 or text.index(START) > text.index(END):
        return text.replace(START, "").replace(END, ""), None
    before, _, rest = text.partition(START)
    inner, _, after = rest.partition(END)
    surface = inner.strip()
    return before + surface + after, (len(before), len(before) + len(surface)) if surface else None


def _compared(folder: Path, keys: set[str], report: LoadReport) -> tuple[str, ...]:
    """Which images have no features; the names of the files looked at."""
    files = sorted(folder.glob("*.hdf5"))
    for file in files:
        with FeatureFile(file) as features:
            for key in sorted(features.lacking(keys)):
                report.remark("features_missing", f"{file.name}: {key}")
    return tuple(file.name for file in files)
