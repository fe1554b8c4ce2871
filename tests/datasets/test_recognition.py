"""A data set is known by what is in its files: one alone, renamed, several that fit, none."""

import os
import shutil
from pathlib import Path

import pytest

from robustmel.datasets import DATASETS
from robustmel.errors import MissingError, UsageError


def test_an_unknown_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='wikidiverse has no layout "parquet"; it has "WikiDiverse, raw"'):
        DATASETS.create("wikidiverse", path=str(tmp_path), layout="parquet")


def test_a_whole_file_beside_those_of_its_splits_is_not_counted_twice(shared_data: Path, tmp_path: Path) -> None:
    for name in ("M3EL.json", "M3EL_test.json"):
        shutil.copyfile(shared_data / "handmade/M3EL/M3EL.json", tmp_path / name)
    assert len(DATASETS.create("m3el", path=str(tmp_path)).load().mentions) == 6


def test_one_sets_file_is_not_read_as_another(tmp_path: Path) -> None:
    (tmp_path / "Wikidata-MEL.json").write_text("{}")
    with pytest.raises(MissingError, match="no richpedia-mel"):
        DATASETS.create("richpedia-mel", path=str(tmp_path / "Wikidata-MEL.json")).load()
    with pytest.raises(MissingError, match="holds no mention"):
        DATASETS.create("wikimel", path=str(tmp_path / "Wikidata-MEL.json")).load()


@pytest.mark.parametrize(
    ("name", "folder", "file", "split"),
    [
        ("wikiperson", "samples/WIKIPerson", "WIKIPerson_Test.json", "test"),
        ("wikimel", "handmade/MIMIC/WikiMEL", "WIKIMEL_dev.json", "validation"),
        ("wikimel", "handmade/GEMEL/wikimel", "test.json", "test"),
        ("wikidiverse", "handmade/GEMEL/wikidiverse", "train.json", "train"),
        ("wikidiverse", "handmade/WikiDiverse/raw", "valid.json", "validation"),
        ("wikidiverse", "cases/page-titles", "test_w_10cands.json", "test"),
        ("m3el", "handmade/M3EL", "M3EL.json", None),
    ],
)
def test_one_file_alone_is_read_under_any_name(
    shared_data: Path, tmp_path: Path, name: str, folder: str, file: str, split: str | None
) -> None:
    path = shared_data / folder / file
    alone = DATASETS.create(name, path=str(path)).load()
    assert alone.mentions
    if split is not None:
        assert {mention.split for mention in alone} == {split}
        assert alone.report.counts["split_files_missing"] >= 1
    said = [(one.surface, one.gold, one.text, one.span, one.candidates) for one in alone]
    for new in (f"my {split or 'file'} of people.json", "people.json"):
        (tmp_path / new).mkdir()
        (tmp_path / new / new).write_bytes(path.read_bytes())
        for given_path in (tmp_path / new / new, tmp_path / new):
            renamed = DATASETS.create(name, path=str(given_path)).load()
            assert sorted(map(repr, said)) == sorted(
                repr((one.surface, one.gold, one.text, one.span, one.candidates)) for one in renamed
            )
            if split is not None and split in new:
                assert {mention.split for mention in renamed} == {split}
            assert DATASETS.create(name, path=str(given_path)).found() is not None


def test_files_that_fit_and_do_not_say_what_they_are_are_named(shared_data: Path, tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        shutil.copyfile(shared_data / "handmade/WIKIPerson/WIKIPerson_Train_Dev.json", tmp_path / name)
    with pytest.raises(MissingError, match=r"several files of WIKIPerson, released \(a\.json, b\.json\)"):
        DATASETS.create("wikiperson", path=str(tmp_path)).load()


@pytest.mark.parametrize("content", ["", "[", "{", "[[", '{"a"', "[1]", '{"a": {', "[" * 100_000, '{"sentence": 1}', "\xff"])
def test_a_file_of_something_else_is_no_data_set(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content, "latin-1")
    for name in ("wikimel", "wikidiverse", "wikiperson", "m3el"):
        for path in (tmp_path, tmp_path / "a.json"):
            with pytest.raises(MissingError, match=f"no {name} in .*expected"):
                DATASETS.create(name, path=str(path)).load()


@pytest.mark.parametrize("dataset", ["jsonl", "wikiperson", "wikidiverse", "m3el"])
def test_a_pipe_in_a_sets_place_is_refused_not_waited_for(tmp_path: Path, dataset: str) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(MissingError, match="neither a file nor a folder"):
        DATASETS.create(dataset, path=str(tmp_path / "pipe.json")).load()
    with pytest.raises(MissingError, match="holds: pipe.json"):
        DATASETS.create(dataset, path=str(tmp_path)).load()
