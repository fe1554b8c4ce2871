"""WIKIPerson: persons in news pictures, each marked by a box; no sentence."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from robustmel.datasets.boxes import Box, clipped, cropped
from robustmel.datasets.dataset import Dataset
from robustmel.datasets.layouts.layout import Contents, Source, SplitFile, first_folder
from robustmel.datasets.published import Published
from robustmel.datasets.tables import EntityTable
from robustmel.images import size_of
from robustmel.records.image_paths import image_path
from robustmel.records.json_file import holds, read_records
from robustmel.records.load_report import LoadReport
from robustmel.records.record import is_nil, raw_record
from robustmel.types import Mention

FILES = {"WIKIPerson_Train_Dev.json": "train", "WIKIPerson_Train.json": "train"}
FILES |= {"WIKIPerson_Dev.json": "validation", "WIKIPerson_Test.json": "test"}


@dataclass(frozen=True)
class WIKIPersonReleased:
    """Lists of {id, image, boundingbox, wikiid}; the box is a string that holds a list of numbers, left, top, right, bottom.

    The knowledge base is TKB/entity_12w.json ({id, name, description, image_url}), its images IKB/<id>.jpg.
    """

    name: str = "WIKIPerson, released"
    expected: str = "WIKIPerson_Train_Dev.json and WIKIPerson_Test.json with TKB/entity_12w.json"

    splits: ClassVar[Mapping[str, str]] = {"train": "WIKIPerson_Train_Dev.json", "test": "WIKIPerson_Test.json"}

    def split_files(self, folder: Path) -> list[SplitFile]:
        """The splits that are there."""
        return [SplitFile(folder / name, label) for name, label in FILES.items() if (folder / name).is_file()]

    def fits(self, file: Path) -> bool:
        """Whether it is a list of such records."""
        return holds(file, ("list",), "image", "boundingbox", "wikiid")

    def read(self, source: Source, report: LoadReport) -> Contents:
        """See `Layout.read`."""
        table = EntityTable(report)
        tables = _knowledge_base(source, table, report)
        images = source.images or first_folder(source.folder, "images", "image", "mention_image")
        mentions: list[Mention] = []
        record: dict[str, str] = {}
        sizes: dict[Path, tuple[int, int] | None] = {}
        for split_file in source.files:
            for place, value in read_records(split_file.file, report):
                report.counts["records"] += 1
                row = raw_record(place, value, "id", "image", "boundingbox", "wikiid")
                answer = row.optional_identifier("wikiid")
                gold = None if answer is None or is_nil(answer) else answer
                if gold is not None and not tables:
                    table.add(gold, "", place)
                elif gold is not None and gold not in table:
                    report.remark("gold_not_in_kb", f"{place}: {gold}")
                image = image_path(images, row.text("image"), place, report)
                if image is not None and image not in sizes:
                    sizes[image] = size_of(image)
                box = _box(row.text("boundingbox"), sizes[image] if image else None, place, report)
                mentions.append(Mention(row.identifier("id"), gold, "", image=image, split=split_file.split, box=box))
                record[row.identifier("id")] = row.text("image")
        return Contents(mentions, table.entities(), record, tables)


def _box(written: str, size: tuple[int, int] | None, place: str, report: LoadReport) -> Box | None:
    try:
        numbers = json.loads(written)
        left, top, right, bottom = (float(number) for number in numbers)
    except (ValueError, TypeError, OverflowError, RecursionError):
        report.remark("boxes_unreadable", f"{place}: {written[:60]}")
        return None
    if min(left, top) < 0:
        report.remark("boxes_negative", place)
    if size is None:
        report.remark("boxes_unchecked", place)
    elif right > size[0] or bottom > size[1]:
        report.remark("boxes_beyond_image", f"{place}: {size[0]} x {size[1]} pixels")
    box = clipped((left, top, right, bottom), size)
    if box is None:
        report.remark("boxes_empty", f"{place}: {written[:60]}")
    return box


def _knowledge_base(source: Source, table: EntityTable, report: LoadReport) -> tuple[str, ...]:
    file = Path(source.options.get("entities") or source.folder / "TKB" / "entity_12w.json")
    if not file.is_file():
        report.remark("no_knowledge_base", f"no {file}")
        return ()
    images = source.folder / "IKB"
    there = {path.name for path in images.iterdir()} if images.is_dir() else set()
    for place, value in read_records(file, report):
        row = raw_record(place, value, "id", "name")
        entity_id = row.identifier("id")
        if entity_id in table:
            report.remark("repeated_entities", f"{place}: {entity_id}")
        named = f"{entity_id}.jpg"
        path = image_path(images, named, place, report) if named in there else None
        table.add(
            entity_id,
            row.text("name"),
            place,
            description=row.text("description"),
            kind="person",
            images=[path] if path else [],
        )
    return (f"{file.parent.name}/{file.name}",)


@dataclass(frozen=True)
class WIKIPerson(Published):
    """WIKIPerson: link persons in news pictures, each marked by a box, without any sentence (Sun et al., 2022).

    Takes the parameters of `Published`, and:

    Args:
        crop: Show linkers the person's box instead of the whole picture. The cut-out pictures are kept as PNG files in the cache.
        entities: The list of entities (entity_12w.json) where it does not lie in TKB.

    Source:
        Sun et al., "Visual Named Entity Linking: A New Dataset and A Baseline", Findings of EMNLP 2022.
    """

    crop: bool = False
    entities: str | None = None

    name: ClassVar[str] = "wikiperson"
    layouts: ClassVar = (WIKIPersonReleased(),)

    def load(self, split: str = "all") -> Dataset:
        """See `Published.load`; with `crop`, pictures that can be read are replaced by the part inside the box."""
        dataset = super().load(split)
        if not self.crop:
            return dataset
        return replace(dataset, name=f"{dataset.name}-cropped", mentions=cropped(dataset.mentions, dataset.report))

    @property
    def options(self) -> dict[str, Any]:
        """The list of entities."""
        return {"entities": self.entities}
