"""WikiDiverse's tables of entities: descriptions and image addresses, `name@@@@...` a line."""

from collections.abc import Iterator
from pathlib import Path

from robustmel.datasets.layouts.folders import first_folder
from robustmel.datasets.layouts.layout import Source
from robustmel.datasets.tables import EntityTable
from robustmel.datasets.titles import page_id
from robustmel.errors import MissingError
from robustmel.records.image_paths import image_path, wikidiverse_name
from robustmel.records.load_report import LoadReport

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
