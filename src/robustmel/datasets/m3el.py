"""M3EL, and DiffMEL in its format: one record with a sentence, an image and its candidates."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from robustmel.datasets.layouts.layout import Contents, Source, SplitFile, label_in, order
from robustmel.datasets.published import Published
from robustmel.datasets.spans import placed
from robustmel.datasets.tables import EntityTable
from robustmel.errors import MissingError, UsageError
from robustmel.records.image_paths import image_path
from robustmel.records.json_file import first_record, holds, read_json
from robustmel.records.json_lines import kind_of, read_lines
from robustmel.records.load_report import LoadReport
from robustmel.records.record import Record, is_nil, raw_record
from robustmel.types import Mention

_IMAGES_OF = "_candidates_images/"
"""Behind the category, in the path of an image."""


@dataclass(frozen=True)
class M3ELReleased:
    """Records {Qid, name, description, sentence, image, candidates}, in a list, as JSON lines, or in an object by their ids.

    An image is [file name, address, path]; the path is looked up below the folder. A record names no mention: its surface is the
    entity's name where the sentence holds that word for word, else empty (anything else would tell the answer).

    Args:
        file: What the files' names begin with ("M3EL").
        difficulty: Whether records state one (DiffMEL); it becomes the topic if the data set asks for that.
    """

    file: str
    difficulty: bool = False

    splits: ClassVar[Mapping[str, str]] = {}

    @property
    def name(self) -> str:
        """As `check` prints it."""
        return f"{self.file}, released"

    @property
    def expected(self) -> str:
        """The file, or one a split."""
        return f"{self.file}.json (or {self.file}_train.json, ...)"

    def split_files(self, folder: Path) -> list[SplitFile]:
        """The file, or those of its splits."""
        files = sorted((*folder.glob(f"{self.file}*.json"), *folder.glob(f"{self.file}*.jsonl")))
        named = [SplitFile(file, label_in(file.stem)) for file in files]
        if any(label for _, label in named):
            named = [split_file for split_file in named if split_file.label]
        return sorted(named, key=lambda split_file: order(split_file.split))

    def fits(self, file: Path) -> bool:
        """Whether it holds such records, in whichever container."""
        return holds(file, ("list", "lines", "object"), "Qid", "sentence", "name")

    def read(self, source: Source, report: LoadReport) -> Contents:
        """See `Layout.read`."""
        table, mentions = EntityTable(report), []
        images = source.images or source.folder
        for split_file in source.files:
            file = split_file.file
            for number, (place, value) in enumerate(_records(file, report), start=1):
                report.counts["records"] += 1
                row = raw_record(place, value, "Qid", "name", "sentence")
                mention_id = f"{file.stem}-{number}"  # the record's own id would be the answer
                mentions.append(self._mention(row, value, mention_id, split_file.split, images, source, table, report))
        return Contents(mentions, table.entities())

    def _mention(
        self, row: Record, value: Any, mention_id: str, split: str | None, images: Path, source: Source, table: EntityTable, report: LoadReport
    ) -> Mention:  # fmt: skip
        text, name, answer = row.text("sentence").strip(), row.text("name"), row.optional_identifier("Qid")
        gold = None if answer is None or is_nil(answer) else answer
        if gold is not None:
            table.add(gold, name, row.place, description=row.text("description"))
        candidates = None
        if value.get("candidates") is not None:
            candidates = _candidates(value["candidates"], row.place, images, table, report)
        surface = name if name and name in text else ""
        if not surface:
            report.remark("no_surface", row.place)
        path, category = _image(value.get("image"), row.place, images, report)
        topic: str | None = category
        if self.difficulty:
            level = value.get("difficulty")
            report.counts[f"difficulty_{level}"] += 1
            topic = f"difficulty {level}" if source.options.get("topic") == "difficulty" else category
        return Mention(
            id=mention_id,
            gold=gold,
            surface=surface,
            text=text,
            span=placed(surface, text, row.place, report) if surface or not text.strip() else None,
            image=path,
            candidates=candidates,
            split=split,
            topic=topic,
        )


def _records(file: Path, report: LoadReport) -> Iterator[tuple[str, Any]]:
    """Records of a list, of an object of records, or of JSON lines."""
    if (first_record(file) or ("list", None))[0] == "lines":
        yield from read_lines(file, report)
        return
    values = read_json(file, report)
    if isinstance(values, dict):
        values = list(values.values())
    if not isinstance(values, list):
        raise MissingError(
            f"{file} is {kind_of(values)}; expected records in a list, as JSON lines, or in an object by their ids."
        )
    for number, value in enumerate(values, start=1):
        yield f"{file.name}, record {number}", value


def _image(written: Any, place: str, images: Path, report: LoadReport) -> tuple[Path | None, str | None]:
    """The image file and the category its path names; (None, None) for an empty list."""
    if written is None or written in ([], ""):
        return None, None
    if not isinstance(written, list) or not all(isinstance(part, str) for part in written):
        raise MissingError(f"{place}: image must be a list of strings, found {kind_of(written)}.")
    return image_path(images, _below(written[-1], images), place, report), category_of(written[-1])


def category_of(path: str) -> str | None:
    """What the folder of an image is named after ("movies_candidates_images/x.jpg"); None where it is no such folder."""
    before, behind, _ = path.partition(_IMAGES_OF)
    return (before.rpartition("/")[2] or None) if behind else None


def _below(written: str, images: Path) -> str:
    """The path below the image folder: it is written from a root of its own ("/M3EL/movies_.../x.jpg")."""
    relative = written.lstrip("/")
    inner = relative.partition("/")[2]
    return inner if inner and not (images / relative).is_file() and "://" not in written else relative


def _candidates(listed: Any, place: str, images: Path, table: EntityTable, report: LoadReport) -> tuple[str, ...]:
    if not isinstance(listed, list):
        raise MissingError(f"{place}: candidates must be a list, found {kind_of(listed)}.")
    distinct: dict[str, None] = {}
    names: dict[str, str] = {}
    for value in listed:
        row = raw_record(f"{place}, candidates", value, "Qid", "name")
        entity_id, name = row.identifier("Qid"), row.text("name")
        if entity_id in distinct:
            report.remark("repeated_candidates", f"{place}: {entity_id}")
            continue
        if names.setdefault(name, entity_id) != entity_id:
            report.remark("candidates_of_one_name", f"{place}: {name}")
        path, _ = _image(value.get("image"), place, images, report)
        if path is None:
            report.remark("candidate_images_missing", f"{place}: {entity_id}")
        table.add(entity_id, name, place, description=row.text("description"), images=[path] if path else [])
        distinct[entity_id] = None
    if not distinct:
        report.remark("empty_candidates", place)
    return tuple(distinct)


@dataclass(frozen=True)
class M3EL(Published):
    """M3EL: link films, things, persons, books and sports by a sentence and a picture (Wang et al., M3EL).

    Takes the parameters of `Published`.

    Source:
        Wang et al., "MMEL/M3EL" (github.com/ww-1009/M3EL).
    """

    name: ClassVar[str] = "m3el"
    layouts: ClassVar = (M3ELReleased("M3EL"),)


@dataclass(frozen=True)
class DiffMEL(Published):
    """DiffMEL: compare linkers on mentions graded by difficulty (its authors' repository, in M3EL's format).

    Takes the parameters of `Published`, and:

    Args:
        topic: What a mention's topic is: the "category" of its picture, or the "difficulty".

    Raises:
        UsageError: `topic` is neither.
    """

    topic: Literal["category", "difficulty"] = "category"

    name: ClassVar[str] = "diffmel"
    layouts: ClassVar = (M3ELReleased("DiffMEL", difficulty=True),)

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        if self.topic not in ("category", "difficulty"):
            raise UsageError(f'diffmel: topic = "{self.topic}" is unknown; choose "category" or "difficulty".')

    @property
    def options(self) -> dict[str, Any]:
        """What becomes the topic."""
        return {"topic": self.topic}
