"""Data sets written out: in the project's own format, or as a folder for the Hugging Face hub."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from robustmel.datasets.dataset import Dataset
from robustmel.export.folder import check_publishable, silent, told, write_checksums
from robustmel.export.hub import export_hub
from robustmel.export.records import entity_record, mention_record
from robustmel.images import is_there
from robustmel.records.new_folder import new_folder
from robustmel.types import opaque_id

__all__ = ["export_hub", "export_own"]


def export_own(dataset: Dataset, out: Path, progress: Callable[[int, int], None] = silent) -> dict[str, int]:
    """Writes mentions.jsonl, entities.jsonl, the images, about.json and checksums.sha256; returns what was counted.

    Read again it gives the same mentions and entities. Images are copied byte for byte, under opaque names, and once however many
    mentions share them; one that is missing keeps its name and stays missing. What is broken is copied as it is.

    Raises:
        MissingError: `out` is there already, or cannot be written.
        UsageError: There are no mentions, or an image is a link out of the data set.
    """
    check_publishable(dataset)
    with new_folder(out) as folder:
        (folder / "images").mkdir()
        copied: dict[Path, str] = {}
        counts = {"mentions": len(dataset.mentions), "entities": len(dataset.kb), "images": 0, "images_missing": 0}

        def image(path: Path | None) -> str | None:
            if path is None:
                return None
            if path not in copied:
                copied[path] = f"images/{opaque_id(dataset.name, str(path))}{path.suffix.lower()}"
                counts["images" if is_there(path) else "images_missing"] += 1
                if is_there(path):
                    shutil.copyfile(path, folder / copied[path])
            return copied[path]

        with (folder / "mentions.jsonl").open("w", encoding="utf-8", newline="\n") as file:
            for mention in told(dataset.mentions, len(dataset.mentions), progress):
                file.write(_line(mention_record(mention, image(mention.image))))
        with (folder / "entities.jsonl").open("w", encoding="utf-8", newline="\n") as file:
            for entity in told(dataset.kb, len(dataset.kb), progress):
                images = [named for path in entity.images if (named := image(path))]
                file.write(_line(entity_record(entity, images)))
        about = {"dataset": dataset.name, "layout": dataset.report.layout, "licence": dataset.licence, "counts": counts}
        (folder / "about.json").write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", "utf-8")
        write_checksums(folder)
        return counts


def _line(record: dict[str, object]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"
