"""MELBench's raw files: Wikidata-MEL.json and Richpedia-MEL.json, one JSON object of records."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from robustmel.datasets.layouts.layout import Contents, Source, SplitFile, first_folder
from robustmel.datasets.spans import placed
from robustmel.datasets.tables import EntityTable
from robustmel.errors import MissingError
from robustmel.records.image_paths import image_path
from robustmel.records.json_file import holds, read_json
from robustmel.records.json_lines import kind_of
from robustmel.records.load_report import LoadReport
from robustmel.records.record import Record, is_nil, raw_record
from robustmel.types import Mention


@dataclass(frozen=True)
class MELBenchRaw:
    """Record id -> {id, sentence, mentions, entities, answer}, the last three lists of equal length or single strings.

    Images are named after the record, `<id>.jpg`, in `images` or beside the file; there is no split, no candidates and no NIL.
    A record with several mentions gives them the ids `<id>-0`, `<id>-1`, ...

    Args:
        file: Name of the file.
    """

    file: str

    name: str = "MELBench, raw"
    splits: ClassVar[Mapping[str, str]] = {}

    @property
    def expected(self) -> str:
        """The file."""
        return self.file

    def split_files(self, folder: Path) -> list[SplitFile]:
        """The file."""
        return [SplitFile(folder / self.file, None)] if (folder / self.file).is_file() else []

    def fits(self, file: Path) -> bool:
        """Whether it is an object of such records."""
        return holds(file, ("object",), "sentence", "mentions", "entities", "answer")

    def read(self, source: Source, report: LoadReport) -> Contents:
        """See `Layout.read`."""
        ((file, _),) = source.files
        values = read_json(file, report)
        if not isinstance(values, dict):
            raise MissingError(f"{file} is {kind_of(values)}; expected one JSON object, record id -> record.")
        images = source.images or first_folder(file.parent, "images", "image", "mention_images", "mention_image")
        table, mentions, record = EntityTable(report), [], {}
        for key, value in values.items():
            row = raw_record(f"{file.name}, record {key}", value, "sentence", "mentions", "entities", "answer")
            report.counts["records"] += 1
            record_mentions = list(_mentions(key, row, images, table, report))
            if not record_mentions:
                report.remark("records_without_mentions", row.place)
            for mention in record_mentions:
                mentions.append(mention)
                record[mention.id] = key
        if not mentions:
            raise MissingError(f"{file} holds no mention; expected one JSON object, record id -> record.")
        return Contents(mentions, table.entities(), record)


def _mentions(key: str, row: Record, images: Path, table: EntityTable, report: LoadReport) -> Iterator[Mention]:
    surfaces, names, answers = (row.one_or_more(key) for key in ("mentions", "entities", "answer"))
    if not len(surfaces) == len(names) == len(answers):
        raise MissingError(
            f"{row.place}: {len(surfaces)} mentions, {len(names)} entities and {len(answers)} answers; expected as many of each."
        )
    text = row.text("sentence")
    image = image_path(images, f"{key}.jpg", row.place, report)
    for index, (surface, name, answer) in enumerate(zip(surfaces, names, answers, strict=True)):
        gold = None if is_nil(answer) else table.add(answer, name, f"{row.place}: {answer}")
        yield Mention(
            id=key if len(surfaces) == 1 else f"{key}-{index}",
            gold=gold,
            surface=surface,
            text=text,
            span=placed(surface, text, row.place, report),
            image=image,
        )
