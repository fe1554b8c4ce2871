import json
import zipfile
from pathlib import Path

import pytest

from robustmel.datasets import DATASETS
from robustmel.datasets.check import check
from robustmel.errors import MissingError, UsageError

RECORD = {"id": "7", "sentence": "Ada and Lord Byron.", "mentions": ["Ada", "Byron Lord"], "entities": ["Ada L.", "Byron"]}


def written(folder: Path, records: object) -> Path:
    (folder / "Wikidata-MEL.json").write_text(json.dumps(records), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("name", "file", "counts"),
    [
        (
            "wikidata-mel",
            "Wikidata-MEL",
            {"records": 22136, "mentions": 25846, "entities": 17391, "surface_differs": 13568, "ambiguous_surfaces": 877}
            | {"ambiguous_mentions": 4219, "unlocated": 740, "recovered": 740, "repeated": 298},
        ),
        (
            "richpedia-mel",
            "Richpedia-MEL",
            {"records": 17805, "mentions": 17805, "entities": 17805, "surface_differs": 13113, "ambiguous_surfaces": 1154}
            | {"ambiguous_mentions": 3440, "unlocated": 664, "recovered": 664},
        ),
    ],
)
def test_whole_released_files_give_the_published_counts(
    shared_data: Path, tmp_path: Path, name: str, file: str, counts: dict[str, int]
) -> None:
    with zipfile.ZipFile(shared_data / "melbench" / f"{file}.zip") as archive:
        archive.extract(f"{file}.json", tmp_path)
    report = check(DATASETS.create(name, path=str(tmp_path)).load(), verify_images=False)
    assert {key: getattr(report, key) for key in counts} == counts
    assert sum(report.splits.values()) == report.mentions


def test_lists_and_single_strings_are_read_alike(tmp_path: Path) -> None:
    single = {"id": "Q1", "sentence": "Ada wrote.", "mentions": "Ada", "entities": "Ada L.", "answer": "Q1"}
    nil = {"id": "8", "sentence": "Nobody.", "mentions": ["Nobody"], "entities": [""], "answer": ["nil"]}
    folder = written(tmp_path, {"7": RECORD | {"answer": ["Q1", "Q2"]}, "Q1": single, "8": nil})
    dataset = DATASETS.create("wikidata-mel", path=str(folder)).load()
    found = {mention.id: mention for mention in dataset.mentions}
    assert list(found) == ["7-0", "7-1", "Q1", "8"]
    assert found["7-1"].span is not None
    assert found["7-1"].text[slice(*found["7-1"].span)] == "Lord Byron"
    assert found["8"].gold is None
    assert found["7-0"].image == folder / "images" / "7.jpg"
    assert [entity.id for entity in dataset.kb] == ["Q1", "Q2"]


def test_a_record_of_unequal_lists_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="record 7: 2 mentions, 2 entities and 1 answers"):
        DATASETS.create("wikidata-mel", path=str(written(tmp_path, {"7": RECORD | {"answer": ["Q1"]}}))).load()


def test_a_wrong_folder_is_told_what_was_expected(tmp_path: Path) -> None:
    (tmp_path / "Wikidata-MEL.zip").touch()
    with pytest.raises(
        MissingError, match=r"unpack Wikidata-MEL\.zip first, with `robustmel unpack`\): expected Wikidata-MEL\.json"
    ):
        DATASETS.create("wikidata-mel", path=str(tmp_path)).load()


def test_splits_keep_records_whole_and_shares_exact(tmp_path: Path) -> None:
    records = {str(one): RECORD | {"id": str(one), "answer": ["Q1", "Q2"]} for one in range(200)}
    folder = written(tmp_path, records)
    dataset = DATASETS.create("wikidata-mel", path=str(folder), ratio="8:1:1", split_seed=3).load()
    by_record: dict[str, set[str | None]] = {}
    for mention in dataset.mentions:
        by_record.setdefault(mention.id.partition("-")[0], set()).add(mention.split)
    assert all(len(splits) == 1 for splits in by_record.values())
    assert sorted(len(dataset.split(name).mentions) for name in ("train", "validation", "test")) == [40, 40, 320]
    again = DATASETS.create("wikidata-mel", path=str(folder), ratio="8:1:1", split_seed=3).load("test")
    assert again.mentions == dataset.split("test").mentions
    other = DATASETS.create("wikidata-mel", path=str(folder), ratio="8:1:1", split_seed=4).load("test")
    assert other.mentions != again.mentions
    leaking = DATASETS.create("wikidata-mel", path=str(folder), split_by="mention").load()
    assert check(leaking, verify_images=False).leaks > 0


@pytest.mark.parametrize("ratio", ["7:1", "a:b:c", "-1:1:1", "0:0:0", "nan:1:1"])
def test_a_ratio_that_is_none_is_refused(tmp_path: Path, ratio: str) -> None:
    with pytest.raises(UsageError, match="ratio"):
        DATASETS.create("wikidata-mel", path=str(tmp_path), ratio=ratio)
