"""GEMEL's own files: JSON lines of both data sets, NIL kept, features compared, an entity file beside the targets."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustmel.datasets import DATASETS
from robustmel.datasets.check import check
from robustmel.datasets.dataset import Dataset
from robustmel.errors import MissingError
from robustmel.records.image_paths import wikidiverse_name

ADDRESS = "https://upload.wikimedia.org/wikipedia/commons/d/d5/Flag_of_Ardale.svg"


def line(text: str, mention: str, target: str, golden: str, **image: str) -> dict[str, str]:
    return {"text": text, "mention": mention, "target": target, "golden": golden, **image}


BY_NAME = {
    "train": [
        line("[START_ENT] Ann Quist [END_ENT] in 1931", "Ann Quist", "Ann Quist", "Q5", img_name="90001.jpg"),
        line("Portrait of [START_ENT] Quist [END_ENT]", "Quist", "Ann Quist", "Q5", img_name="90002.jpg"),
    ],
    "dev": [line("[START_ENT] Bo [END_ENT].", "Bo", "Bo Ray", "Q6", img_name="90003.jpg")],
    "test": [line("[START_ENT] Cy [END_ENT], nobody", "Cy", "NIL", "NIL", img_name="90001.jpg")],
}
BY_ADDRESS = {
    "train": [line("[START_ENT] Ardale [END_ENT]'s flag", "Ardale", "Ardale (state)", "https://en.wikipedia.org/wiki/Ardale_(state)", img_url=ADDRESS)],
    "test": [line("The flag of [START_ENT] Ardale [END_ENT]", "Ardale", "Ardale", "https://en.wikipedia.org/wiki/Ardale", img_url=ADDRESS)],
}  # fmt: skip


def write(folder: Path, splits: Mapping[str, list[dict[str, str]]], features: Mapping[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    for split, lines in splits.items():
        (folder / f"{split}.json").write_text("".join(f"{json.dumps(row)}\n" for row in lines), "utf-8")
    if features:
        with pytest.importorskip("h5py").File(folder / "clip_vit_large_patch14_1024.hdf5", "w") as opened:
            for key, vector in features.items():
                opened[key] = vector
    return folder


def load(folder: Path, **parameters: object) -> Dataset:
    return DATASETS.create("gemel", path=str(folder), **parameters).load()


def test_the_lines_of_wikimel_become_mentions_of_targets(tmp_path: Path) -> None:
    features = {name: np.zeros(1024, np.float32) for name in ("90001.jpg", "90002.jpg")}
    dataset = load(write(tmp_path / "wikimel", BY_NAME, features))
    assert [(m.surface, m.text, m.span, m.gold, m.split) for m in dataset] == [
        ("Ann Quist", "Ann Quist in 1931", (0, 9), "Q5", "train"),
        ("Quist", "Portrait of Quist", (12, 17), "Q5", "train"),
        ("Bo", "Bo.", (0, 2), "Q6", "validation"),
        ("Cy", "Cy, nobody", (0, 2), None, "test"),
    ]
    assert [(entity.id, entity.name, entity.qid) for entity in dataset.kb] == [
        ("Q5", "Ann Quist", "Q5"),
        ("Q6", "Bo Ray", "Q6"),
    ]
    report = check(dataset)
    assert report.nil == 1, "the original drops it"
    assert {one.reason: one.count for one in report.findings}["features_missing"] == 1
    assert "clip_vit_large_patch14_1024.hdf5" in report.layout


def test_the_lines_of_wikidiverse_name_images_by_address(tmp_path: Path) -> None:
    dataset = load(write(tmp_path, BY_ADDRESS, {ADDRESS: np.zeros(1024, np.float32)}))
    assert {mention.image and mention.image.name for mention in dataset} == {wikidiverse_name(ADDRESS)}
    assert [(entity.id, entity.name) for entity in dataset.kb] == [("Ardale (state)", "Ardale (state)"), ("Ardale", "Ardale")]
    assert dataset.report.counts["features_missing"] == 0
    assert dataset.report.counts["split_files_missing"] == 1, "dev.json"


def test_an_entity_file_takes_the_place_of_the_targets(tmp_path: Path) -> None:
    entities = [{"id": "Q5", "name": "Ann Quist", "description": "painter"}, {"id": "Q7", "name": "Di"}]
    (tmp_path / "entities.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in entities), "utf-8")
    dataset = load(write(tmp_path / "set", BY_NAME, {}), kb=str(tmp_path / "entities.jsonl"))
    assert sorted(dataset.kb.ids) == ["Q5", "Q6", "Q7"]
    assert dataset.kb["Q5"].description == "painter"
    assert dataset.report.counts["not_in_given_kb"] == 1


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ('{"mention": "Bo", "text": "Bo", "target": "Bo", "golden": "Q1", "img_name": "1.jpg"}\n{"mention": "Bo"}', "train.json:2"),
        ('{"mention": "Bo", "text": "Bo", "target": "Bo", "golden": "Q1", "img_name": "1.jpg"}\n{"mention":', "train.json:2"),
        ('[{"mention": "Bo", "text": "Bo", "golden": "Q1", "img_name": "1.jpg"}]', "JSON lines, GEMEL"),
        ("", "JSON lines, GEMEL"),
    ],
)  # fmt: skip
def test_a_wrong_record_is_named(tmp_path: Path, broken: str, said: str) -> None:
    (tmp_path / "train.json").write_text(broken)
    with pytest.raises(MissingError, match=said):
        load(tmp_path)
