"""Boxes of persons in their pictures."""

import json
from pathlib import Path

import numpy as np
import pytest

from robustmel.datasets import DATASETS
from robustmel.datasets.boxes import clipped
from robustmel.datasets.check import check
from robustmel.images import write_png
from robustmel.types import Mention


def test_boxes_of_real_records_are_parsed_and_clipped(shared_data: Path) -> None:
    path = shared_data / "samples" / "WIKIPerson"
    dataset = DATASETS.create("wikiperson", path=str(path)).load("test")
    written = {
        str(one["id"]): json.loads(one["boundingbox"]) for one in json.loads((path / "WIKIPerson_Test.json").read_text())
    }
    assert len(dataset.mentions) == 300
    for mention in dataset.mentions:
        left, top, right, bottom = written[mention.id]
        assert mention.box == (max(left, 0.0), max(top, 0.0), right, bottom)
    assert check(dataset).findings
    assert dataset.report.counts["boxes_negative"] == sum(min(box[:2]) < 0 for box in written.values())


def person(folder: Path, box: str, size: tuple[int, int] | None = (60, 40), **more: object) -> Mention:
    record = {"id": 1, "image": "a.png", "boundingbox": box, "wikiid": "Q1"}
    (folder / "WIKIPerson_Test.json").write_text(json.dumps([record]))
    if size is not None:
        pixels = np.arange(size[0] * size[1] * 3, dtype=np.uint32).astype(np.uint8).reshape(size[1], size[0], 3)
        write_png(folder / "images" / "a.png", pixels)
    (mention,) = DATASETS.create("wikiperson", path=str(folder), **more).load("test").mentions
    return mention


@pytest.mark.parametrize(
    ("box", "kept"),
    [
        ("[-3.5, 10, 99.5, 20]", (0.0, 10.0, 60.0, 20.0)),
        ("[10, 10, 5, 20]", None),
        ("[70, 1, 80, 2]", None),
        ("no box", None),
        ("[1, 2, 3]", None),
        ("[1, 2, 3, 1e999]", None),
    ],
)
def test_a_box_is_clipped_to_its_image(tmp_path: Path, box: str, kept: tuple[float, ...] | None) -> None:
    assert person(tmp_path, box).box == kept


def test_without_the_image_a_box_keeps_what_is_not_negative(tmp_path: Path) -> None:
    assert person(tmp_path, "[-3, 10, 900, 20]", size=None).box == (0.0, 10.0, 900.0, 20.0)


def test_cropping_shows_the_box_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from robustmel.images import decode

    monkeypatch.setenv("ROBUSTMEL_CACHE", str(tmp_path / "cache"))
    whole = person(tmp_path, "[10.4, 5, 30, 20.2]")
    cut = person(tmp_path, "[10.4, 5, 30, 20.2]", crop=True)
    assert whole.image is not None
    assert cut.image is not None
    assert np.array_equal(decode(cut.image), decode(whole.image)[5:21, 10:30])


def test_a_box_without_area_is_none() -> None:
    assert clipped((0, 0, float("nan"), 1), None) is None
