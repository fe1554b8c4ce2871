"""WikiDiverse: captions with their mentions, or one mention with ten candidates a row; tables of the entities."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from robustmel.datasets.layouts.gemel import GEMEL
from robustmel.datasets.layouts.layout import Contents, Source, SplitFile, first_folder
from robustmel.datasets.layouts.mimic import MIMICCleaned
from robustmel.datasets.mentions import candidate_list
from robustmel.datasets.published import Published
from robustmel.datasets.spans import Span, fits, placed
from robustmel.datasets.tables import EntityTable
from robustmel.datasets.titles import page_id, page_title
from robustmel.errors import MissingError
from robustmel.records.image_paths import image_path, wikidiverse_name
from robustmel.records.json_file import first_record, read_records
from robustmel.records.json_lines import kind_of
from robustmel.records.load_report import LoadReport
from robustmel.types import Mention

FOLDERS = ("images", "wikinewsImgs", "mention_image")


@dataclass(frozen=True)
class _Row:
    """One mention as both layouts state it."""

    place: str
    record: str
    caption: str
    image: str
    topic: str
    surface: str
    kind: str
    start: Any
    end: Any
    gold: str
    candidates: tuple[str, ...] | None = None


@dataclass(frozen=True)
class WikiDiverseReleased:
    """Raw: lists [caption, image address, topic, [[mention, type, start, end, page address], ...]].

    With ten candidates: lists [caption, image address, mention, type, words left, words right, page address, candidate addresses,
    topic, start, end]. Entities are pages: their id is the title. wikipedia_entity2desc_filtered.tsv and
    wikipedia_entity2imgs.tsv are read where they lie in the folder or the one above.

    Args:
        with_candidates: Which of the two.
    """

    with_candidates: bool = False

    @property
    def name(self) -> str:
        """As `check` prints it."""
        return "WikiDiverse, ten candidates" if self.with_candidates else "WikiDiverse, raw"

    @property
    def expected(self) -> str:
        """The files of the splits."""
        return ", ".join(self.splits.values())

    @property
    def splits(self) -> dict[str, str]:
        """Label -> file."""
        return {
            label: f"{label}_w_10cands.json" if self.with_candidates else f"{label}.json"
            for label in ("train", "valid", "test")
        }

    def split_files(self, folder: Path) -> list[SplitFile]:
        """The splits that are there, if one is a list of lists (GEMEL's files have the same names and are JSON lines)."""
        inner = folder / ("w_10cands" if self.with_candidates else "raw")
        places = [
            (next((place / name for place in (folder, inner) if (place / name).is_file()), None), label)
            for label, name in self.splits.items()
        ]
        there = [SplitFile(file, label) for file, label in places if file is not None]
        return there if any(isinstance((first_record(file) or ("", None))[1], list) for file, _ in there) else []

    def fits(self, file: Path) -> bool:
        """Whether it is a list of such rows."""
        first = first_record(file)
        row = first[1] if first else None
        return (
            isinstance(row, list)
            and len(row) == (11 if self.with_candidates else 4)
            and isinstance(row[7 if self.with_candidates else 3], list)
        )

    def read(self, source: Source, report: LoadReport) -> Contents:
        """See `Layout.read`."""
        images = source.images or first_folder(source.folder, *(up + name for up in ("", "../") for name in FOLDERS))
        table = EntityTable(report)
        mentions: list[Mention] = []
        record: dict[str, str] = {}
        addresses: dict[Path, str] = {}
        for split_file in source.files:
            for row in self._rows(split_file, report):
                mention = _mention(row, f"{row.record}-{len(mentions)}", split_file.split, images, table, report)
                mentions.append(mention)
                record[mention.id] = row.record
                if mention.image is not None:
                    addresses[mention.image] = row.image
        tables = read_entity_tables(source, table, report, addresses)
        return Contents(mentions, table.entities(), record, tables, addresses)

    def _rows(self, split_file: SplitFile, report: LoadReport) -> Iterator[_Row]:
        captions: dict[tuple[str, str], int] = {}
        split = split_file.prefix
        for number, (place, value) in enumerate(read_records(split_file.file, report), start=1):
            if not self.with_candidates:
                report.counts["records"] += 1
                caption, image, topic, mentions = _parts(value, 4, place)
                if not mentions:
                    report.remark("records_without_mentions", place)
                for stated in mentions:
                    surface, kind, start, end, gold = _parts(stated, 5, place)
                    yield _checked(_Row(place, f"{split}-{number}", caption, image, topic, surface, kind, start, end, gold))
            else:
                caption, image, surface, kind, _, _, gold, listed, topic, start, end = _parts(value, 11, place)
                if not isinstance(listed, list) or not all(isinstance(address, str) for address in listed):
                    raise MissingError(f"{place}: expected a list of candidate addresses.")
                same = captions.setdefault((str(caption), str(image)), number)
                report.counts["records"] += same == number
                yield _checked(
                    _Row(place, f"{split}-{same}", caption, image, topic, surface, kind, start, end, gold, tuple(listed))
                )


def _parts(value: object, count: int, place: str) -> list[Any]:
    if not isinstance(value, list) or len(value) != count or (count == 4 and not isinstance(value[3], list)):
        raise MissingError(
            f"{place}: expected a list of {count} parts, found {kind_of(value)}{f' of {len(value)}' if isinstance(value, list) else ''}."
        )
    return value


def _checked(row: _Row) -> _Row:
    for what in ("caption", "image", "topic", "surface", "kind", "gold"):
        value = getattr(row, what)
        if not isinstance(value, str) and not (value is None and what != "caption"):
            raise MissingError(f"{row.place}: the {what} must be a string, found {kind_of(value)}.")
    return row


def _mention(row: _Row, mention_id: str, split: str | None, images: Path, table: EntityTable, report: LoadReport) -> Mention:
    gold = _entity(row.gold or "", row.place, table, report, kind=row.kind)
    return Mention(
        id=mention_id,
        gold=gold,
        surface=row.surface or "",
        text=row.caption,
        span=_span(row, report),
        image=image_path(images, wikidiverse_name(row.image), row.place, report) if (row.image or "").strip() else None,
        candidates=None
        if row.candidates is None
        else candidate_list((_entity(address, row.place, table, report) for address in row.candidates), row.place, report),
        split=split,
        topic=row.topic or None,
    )


def _entity(address: str, place: str, table: EntityTable, report: LoadReport, kind: str | None = None) -> str | None:
    page, dirty = page_title(address)
    if dirty:
        report.remark("dirty_addresses", f"{place}: {address[:60]}")
    return None if page is None else table.add(page, page, place, kind=kind)


def _span(row: _Row, report: LoadReport) -> Span | None:
    if type(row.start) is int and type(row.end) is int and fits((row.start, row.end), row.surface or "", row.caption):
        return row.start, row.end
    report.remark("span_mismatch", f"{row.place}: [{row.start}, {row.end}] is not {(row.surface or '')[:40]!r}")
    return placed(row.surface or "", row.caption, row.place, report)


DESCRIPTIONS, IMAGES = "wikipedia_entity2desc_filtered.tsv", "wikipedia_entity2imgs.tsv"


def read_entity_tables(source: Source, table: EntityTable, report: LoadReport, addresses: dict[Path, str]) -> tuple[str, ...]:
    """Adds descriptions and images to the table, and where images come from to `addresses`; entities that no mention and no candidate names are added too.

    Returns the names of the files that were there.
    """
    read = []
    for name in (DESCRIPTIONS, IMAGES):
        file = next((folder / name for folder in (source.folder, source.folder.parent) if (folder / name).is_file()), None)
        if file is None:
            report.remark("tables_missing", name)
            continue
        read.append(name)
        folder = first_folder(file.parent, "kb_image", "entity_images", "wikipediaImgs")
        for place, entity, rest in _lines(file, report):
            if name == DESCRIPTIONS:
                table.add(entity, entity, place, description=rest)
                continue
            images = []
            for address in (part.strip() for part in rest.split("[AND]")):
                path = image_path(folder, wikidiverse_name(address), place, report) if address else None
                if path is not None:
                    images.append(path)
                    addresses[path] = address
            table.add(entity, entity, place, images=images)
    return tuple(read)


def _lines(file: Path, report: LoadReport) -> Iterator[tuple[str, str, str]]:
    try:
        lines = file.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as problem:
        raise MissingError(f"{file} cannot be read: {problem}.") from problem
    for number, line in enumerate(lines, start=1):
        place = f"{file.name}:{number}"
        name, separator, rest = line.rstrip("\r").partition("@@@@")
        if not line.strip() or (number == 1 and (name, rest) == ("entity", "images")):
            continue
        if not separator or not name.strip():
            report.remark("table_lines_without_separator", f"{place}: {line[:60]}")
            continue
        if "@@@@" in rest:
            report.remark("table_lines_with_stray_separator", f"{place}: {line[:60]}")
        yield place, page_id(name), rest.strip()


@dataclass(frozen=True)
class WikiDiverse(Published):
    """WikiDiverse: link entities of 13 types in news captions with pictures to Wikipedia (Wang et al., 2022).

    Takes the parameters of `Published`.

    Source:
        Wang et al., "WikiDiverse: A Multimodal Entity Linking Dataset with Diversified Contextual Topics and Entity Types",
        ACL 2022.
    """

    name: ClassVar[str] = "wikidiverse"
    layouts: ClassVar = (
        WikiDiverseReleased(),
        WikiDiverseReleased(with_candidates=True),
        MIMICCleaned("wiki_diverse"),
        GEMEL("img_url"),
    )
