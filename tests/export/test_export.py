import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.datasets.dataset import Dataset
from robustmel.datasets.jsonl import JSONL
from robustmel.errors import MissingError, UsageError
from robustmel.export import export_hub, export_own
from robustmel.export.hub import hub_split
from robustmel.images import decode, write_png
from robustmel.kb import KnowledgeBase
from robustmel.records.load_report import LoadReport
from robustmel.types import Entity, Mention


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    folder = tmp_path / "source"
    for name in ("a", "b", "kb"):
        write_png(folder / f"{name}.PNG", np.random.default_rng(ord(name[0])).integers(0, 256, (5, 7, 3), dtype=np.uint8))
    (folder / "torn.jpg").write_bytes(b"\xff\xd8\xff torn")
    entities = [
        Entity("Q1", "Élan", ("É", "elan"), "Q1", "one", "More text.", "thing", 3.5, (folder / "kb.PNG",)),
        Entity("x", ""),
    ]
    mentions = (
        Mention("1", "Q1", "Élan", "An Élan.", (3, 7), folder / "a.PNG", ("Q1", "x"), "train", "sports", (0.0, 1.5, 3.0, 4.0)),
        Mention("2", None, "", "", None, folder / "torn.jpg", (), "train"),
        Mention("3", "x", "=cmd()", "line\nbreak", None, folder / "gone.jpg", None, "test"),
        Mention("4", "Q9", "a", "b a", (2, 3), folder / "a.PNG", None, "test"),
        Mention("5", "Q1", "a", "a", (0, 1), None, None, None),
    )
    return Dataset("sample", mentions, KnowledgeBase(entities), LoadReport("by hand"), "Apache-2.0")


def test_the_own_format_reads_back_equal(dataset: Dataset, tmp_path: Path) -> None:
    counts = export_own(dataset, tmp_path / "out")
    assert counts == {"mentions": 5, "entities": 2, "images": 3, "images_missing": 1}
    again = JSONL(tmp_path / "out", name="sample").load()
    assert [replace(one, image=None) for one in again.mentions] == [replace(one, image=None) for one in dataset.mentions]
    assert [replace(one, images=()) for one in again.kb] == [replace(one, images=()) for one in dataset.kb]
    for new, old in zip(again.mentions, dataset.mentions, strict=True):
        assert (new.image is None) == (old.image is None)
        if new.image is not None and old.image is not None:
            assert new.image.is_file() == old.image.is_file()
            assert not old.image.is_file() or new.image.read_bytes() == old.image.read_bytes()
    assert again.mentions[0].image == again.mentions[3].image
    subprocess.run(["sha256sum", "--check", "--quiet", "checksums.sha256"], cwd=tmp_path / "out", check=True)


def test_the_hub_folder_is_read_back_equal_by_the_library(dataset: Dataset, tmp_path: Path) -> None:
    library = pytest.importorskip("datasets", reason="the extra hub is not installed")
    export_hub(dataset, tmp_path / "out")
    read = library.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in read.items()} == {"train": 2, "test": 2, "unsplit": 1}
    rows = {row["id"]: row for split in read.values() for row in split}
    for mention in dataset.mentions:
        row = rows[mention.id]
        assert (row["gold"], row["surface"], row["text"], row["topic"]) == (
            mention.gold,
            mention.surface,
            mention.text,
            mention.topic,
        )
        assert (tuple(row["span"]) if row["span"] else None) == mention.span
        assert (tuple(row["box"]) if row["box"] else None) == mention.box
        assert (None if row["candidates"] is None else tuple(row["candidates"])) == mention.candidates
    assert {one: row["image_state"] for one, row in rows.items()} == {
        "1": "present",
        "2": "broken",
        "3": "missing",
        "4": "present",
        "5": "none",
    }
    assert dataset.mentions[0].image is not None
    assert np.array_equal(np.asarray(rows["1"]["image"].convert("RGB")), decode(dataset.mentions[0].image))
    assert rows["2"]["image"] is None
    entities = library.load_dataset(str(tmp_path / "out"), "entities", cache_dir=str(tmp_path / "cache"))["entities"]
    assert [(row["id"], row["name"], tuple(row["aliases"]), row["popularity"]) for row in entities] == [
        (one.id, one.name, one.aliases, one.popularity) for one in dataset.kb
    ]
    assert [len(row["images"]) for row in entities] == [1, 0]


def test_large_sets_are_cut_into_shards(dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from robustmel.export import hub

    library = pytest.importorskip("datasets", reason="the extra hub is not installed")
    monkeypatch.setattr(hub, "SHARD", 100)
    many = replace(dataset, mentions=tuple(replace(dataset.mentions[0], id=str(one)) for one in range(9)))
    export_hub(many, tmp_path / "out")
    assert len(list((tmp_path / "out" / "data").glob("train-*.parquet"))) > 3
    read = library.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert read["train"]["id"] == [str(one) for one in range(9)]


def test_the_card_tells_counts_licence_and_checksums(dataset: Dataset, tmp_path: Path) -> None:
    export_hub(replace(dataset, name='evil"\n- x: y'), tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    head = card.split("---\n")[1]
    assert "license: apache-2.0" in head
    assert "\n- x: y" not in head
    assert "| mentions whose image is broken | 1 |" in card
    for line in (tmp_path / "out" / "checksums.sha256").read_text("utf-8").splitlines():
        assert line in card


def test_an_export_never_writes_over_anything(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for write in (export_own, export_hub):
        with pytest.raises(MissingError, match="already exists"):
            write(dataset, tmp_path / "out")
    broken = replace(dataset, kb=KnowledgeBase([Entity("Q1", "half \ud800")]))
    with pytest.raises((UnicodeError, ValueError)):
        export_own(broken, tmp_path / "new")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["out", "source"]


def test_about_says_where_it_came_from(dataset: Dataset, tmp_path: Path) -> None:
    export_own(dataset, tmp_path / "out")
    about = json.loads((tmp_path / "out" / "about.json").read_text("utf-8"))
    assert (about["dataset"], about["layout"], about["licence"]) == ("sample", "by hand", "Apache-2.0")


AWKWARD = ("0", "1", "on", "null", "2024-05-01", "test.", ".hidden", "all", "Dev..Set", "été", "train")


def test_every_split_name_is_exported_so_that_the_library_reads_it(dataset: Dataset, tmp_path: Path) -> None:
    library = pytest.importorskip("datasets", reason="the extra hub is not installed")
    mentions = tuple(replace(dataset.mentions[2], id=split, split=split) for split in AWKWARD)
    counts = export_hub(replace(dataset, mentions=mentions), tmp_path / "out")
    read = library.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    names = {split: counts["renamed"].get(split, split) for split in AWKWARD}
    assert {split: read[name]["id"] for split, name in names.items()} == {split: [split] for split in AWKWARD}
    assert {split for split, name in names.items() if split == name} == {"0", "1", "on", "null", "train"}
    assert all(f"| split {name} | 1 |" in (tmp_path / "out" / "README.md").read_text("utf-8") for name in names.values())


@given(st.text(max_size=12))
def test_a_split_is_called_as_the_library_allows(split: str) -> None:
    naming = pytest.importorskip("datasets.naming", reason="the extra hub is not installed")
    name = hub_split(split)
    assert re.match(naming._split_re, name)
    assert name.isascii()
    assert name.lower() != "all"
    assert hub_split(name) == name


def test_features_are_spelt_as_old_and_new_releases_read_them(dataset: Dataset, tmp_path: Path) -> None:
    """Releases before 4 know no "List"; "Sequence" is read by all."""
    export_hub(dataset, tmp_path / "out")
    for path in (tmp_path / "out").rglob("*.parquet"):
        spelt = json.loads(pq.read_schema(path).metadata[b"huggingface"])["info"]["features"]
        assert {feature["_type"] for feature in spelt.values()} <= {"Value", "Image", "Sequence"}


def test_an_export_that_the_library_reads_otherwise_is_not_kept(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("datasets", reason="the extra hub is not installed")
    monkeypatch.setattr("robustmel.export.hub.hub_split", lambda split: f".{split}")
    with pytest.raises(MissingError, match="datasets cannot read what was written"):
        export_hub(dataset, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("write", [export_own, export_hub])
def test_an_image_that_leads_out_of_the_data_set_is_refused(dataset: Dataset, tmp_path: Path, write: Any) -> None:
    secret, link = tmp_path / "secret.png", tmp_path / "source" / "link.png"
    write_png(secret, np.zeros((4, 4, 3), dtype=np.uint8))
    link.symlink_to(secret)
    linked = replace(dataset, mentions=(replace(dataset.mentions[0], image=link),), folders=(tmp_path / "source",))
    with pytest.raises(UsageError, match=r"link\.png is a link to a file outside the data set"):
        write(linked, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    link.unlink()
    link.symlink_to(tmp_path / "source" / "a.PNG")
    write(linked, tmp_path / "out")
