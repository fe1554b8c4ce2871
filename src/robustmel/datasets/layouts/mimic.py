"""The cleaned layout that MIMIC brought: one file a split, a table of entities, folders of images."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from robustmel.datasets.layouts.layout import Contents, Source, SplitFile, first_folder
from robustmel.datasets.mentions import candidate_list
from robustmel.datasets.spans import placed
from robustmel.datasets.tables import EntityTable
from robustmel.datasets.titles import title
from robustmel.errors import MissingError
from robustmel.records.image_paths import image_path
from robustmel.records.json_file import holds, read_json, read_records
from robustmel.records.json_lines import kind_of
from robustmel.records.load_report import LoadReport
from robustmel.records.record import is_nil, raw_record
from robustmel.types import Mention

LISTS = "_100cands-BM25"
"""What FASTMEL's files with candidates have in their names."""


@dataclass(frozen=True)
class MIMICCleaned:
    """Lists of {id, sentence, imgPath, mentions, entities, answer}, one mention each.

    Beside them: kb_entity.json (id, entity_name, qid, attr, image_list; M3EL's variant adds `desc`), qid2id.json, and the folders
    kb_image and mention_image (mention_images in RichpediaMEL). FASTMEL's variant has files `..._100cands-BM25.json` with
    candidate ids in `cands`. Mentions and entity names may be percent-encoded.

    Args:
        prefix: What the files of the splits begin with ("WIKIMEL").
    """

    prefix: str

    name: str = "MIMIC, cleaned"

    @property
    def expected(self) -> str:
        """The files of the splits."""
        return f"{self.prefix}_train.json, {self.prefix}_dev.json, {self.prefix}_test.json with kb_entity.json"

    @property
    def splits(self) -> dict[str, str]:
        """Label -> file."""
        return {label: f"{self.prefix}_{label}.json" for label in ("train", "dev", "test")}

    def split_files(self, folder: Path) -> list[SplitFile]:
        """Of each split the plain file and the one with candidates, those that are there."""
        names = [
            (label, name.replace(".json", suffix))
            for label, name in self.splits.items()
            for suffix in (".json", f"{LISTS}.json")
        ]
        return [SplitFile(folder / name, label) for label, name in names if (folder / name).is_file()]

    def fits(self, file: Path) -> bool:
        """Whether it is a list of such records."""
        return holds(file, ("list",), "id", "sentence", "mentions", "answer")

    def read(self, source: Source, report: LoadReport) -> Contents:
        """See `Layout.read`."""
        table = EntityTable(report)
        tables = self._knowledge_base(source, table, report)
        entity_ids = table.ids if tables else None
        images = source.images or first_folder(source.folder, "mention_image", "mention_images", "images")
        mentions: list[Mention] = []
        record: dict[str, str] = {}
        for split in dict.fromkeys(split_file.split for split_file in source.files):
            files = [file for file, label in source.files if SplitFile(file, label).split == split]
            lists = self._lists(files, report, table, entity_ids)
            for mention in self._mentions(files[0], split, images, lists, table, entity_ids, report):
                mentions.append(mention)
                record[mention.id] = mention.id.partition("-")[0]
        return Contents(mentions, table.entities(), record, tables)

    def _lists(
        self, files: list[Path], report: LoadReport, table: EntityTable, entity_ids: frozenset[str] | None
    ) -> dict[str, tuple[str, ...]]:
        """Mention id -> candidate ids, from the file that has them."""
        lists: dict[str, tuple[str, ...]] = {}
        for file in files:
            if LISTS in file.name:
                for place, value in read_records(file, report):
                    row = raw_record(place, value, "id", "cands")
                    named = [None if is_nil(entity_id) else entity_id for entity_id in row.identifiers("cands") or ()]
                    listed = candidate_list(named, place, report)
                    for entity_id in listed:
                        table.add(entity_id, "", place)
                        if entity_ids is not None and entity_id not in entity_ids:
                            report.remark("nameless_candidates", f"{place}: {entity_id}")
                    lists[row.identifier("id")] = listed
        return lists

    def _mentions(
        self,
        file: Path,
        split: str | None,
        images: Path,
        lists: dict[str, tuple[str, ...]],
        table: EntityTable,
        entity_ids: frozenset[str] | None,
        report: LoadReport,
    ) -> Iterator[Mention]:
        for place, value in read_records(file, report):
            report.counts["records"] += 1
            row = raw_record(place, value, "id", "sentence", "mentions", "answer")
            written, text, answer = row.text("mentions"), row.text("sentence"), row.optional_identifier("answer")
            surface = unquote(written)
            if surface != written:
                report.remark("percent_encoded", f"{place}: {written}")
            gold = None if answer is None or is_nil(answer) else answer
            if gold is not None and entity_ids is None:
                table.add(gold, title(row.text("entities")), place)
            elif gold is not None and gold not in (entity_ids or ()):
                report.remark("gold_not_in_kb", f"{place}: {gold}")
            mention_id = row.identifier("id")
            yield Mention(
                id=mention_id,
                gold=gold,
                surface=surface,
                text=text,
                span=placed(surface, text, place, report),
                image=image_path(images, mimic_name(row.text("imgPath")), place, report),
                candidates=lists.get(mention_id),
                split=split,
            )

    def _knowledge_base(self, source: Source, table: EntityTable, report: LoadReport) -> tuple[str, ...]:
        file = Path(source.options.get("entities") or source.folder / "kb_entity.json")
        if not file.is_file():
            report.remark("no_knowledge_base", f"no {file}")
            return ()
        images = first_folder(source.folder, "kb_image", "kb_images")
        numbers: dict[str, str] = {}
        for place, value in read_records(file, report):
            row = raw_record(place, value, "entity_name")
            qid = row.optional_identifier("qid")
            entity_id = f"kb-{row.identifier('id')}" if qid is None or is_nil(qid) else qid
            if entity_id in table:
                report.remark("repeated_entities", f"{place}: {entity_id}")
            numbers[entity_id] = row.optional_identifier("id") or ""
            attributes, description = row.text("attr"), row.text("desc")
            paths = (image_path(images, named, place, report) for named in row.texts("image_list"))
            table.add(
                entity_id,
                title(row.text("entity_name")),
                place,
                description=title(description) if "%20" in description else description or attributes,
                text=attributes if description else "",
                images=[path for path in paths if path is not None],
            )
        self._compare_numbers(source.folder / "qid2id.json", numbers, report)
        return (file.name,)

    def _compare_numbers(self, file: Path, numbers: dict[str, str], report: LoadReport) -> None:
        """qid2id.json says nothing that kb_entity.json does not; where the two differ, other code reads something else."""
        if not file.is_file():
            return
        stated = read_json(file, report)
        if not isinstance(stated, dict):
            raise MissingError(f"{file} is {kind_of(stated)}; expected one JSON object, QID -> number.")
        if file.read_bytes().strip().count(b"\n"):
            report.remark("qid2id_not_one_line", file.name)
        for qid, number in stated.items():
            if not is_nil(qid) and numbers.get(qid) != str(number):
                report.remark("qid2id_differs", f"{file.name}: {qid}")


def mimic_name(written: str) -> str:
    """The file of an `imgPath` in MIMIC's cleaned sets: what stands before the first dot, and ".jpg"; "" stays ""."""
    return written.partition(".")[0] + ".jpg" if written.strip() else ""
