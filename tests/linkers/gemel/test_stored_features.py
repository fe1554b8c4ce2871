"""HDF5 features in place of images: the same answers as from the images they were made of, and every fault told."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustmel.api import run
from robustmel.errors import MissingError, UsageError
from robustmel.images import decode
from robustmel.linkers import LINKERS
from robustmel.linkers.gemel.linker import GEMEL
from robustmel.linkers.gemel.stored_features import StoredFeatures
from robustmel.linkers.gemel.vision import VisionEncoder
from robustmel.records.image_paths import wikidiverse_name
from robustmel.registry import Component
from robustmel.run.components import component_spec
from robustmel.types import Query

from .conftest import VISION_WIDTH

h5py = pytest.importorskip("h5py")
ADDRESS = "https://upload.wikimedia.org/wikipedia/commons/d/d5/Flag_of_Ardale.svg"


def write(file: Path, rows: Mapping[str, Any]) -> str:
    with h5py.File(file, "w") as opened:
        for key, row in rows.items():
            opened[key] = row
    return str(file)


@pytest.fixture
def file(queries: list[Query], tmp_path: Path) -> str:
    """What the vision encoder gives of the queries' own images."""
    vision = VisionEncoder("world:clip-world", device="cpu")
    images = [query.image for query in queries if query.image]
    return write(
        tmp_path / "features.hdf5", {image.name: vision.picture_features([decode(image)])[0].numpy() for image in images}
    )


def test_features_are_found_by_the_path_below_any_folder_and_by_address(tmp_path: Path) -> None:
    rows = {"a.jpg": np.full(3, 1, np.float16), "sub/a.jpg": np.full(3, 2.0), ADDRESS: np.full(3, 3, np.float32)}
    features = StoredFeatures(write(tmp_path / "f.hdf5", rows))
    named = ["/data/images/a.jpg", "/data/images/sub/a.jpg", f"elsewhere/{wikidiverse_name(ADDRESS)}"]
    assert [features.read(Path(name)).tolist() for name in named] == [[[1.0] * 3], [[2.0] * 3], [[3.0] * 3]]


def test_features_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    """4 MB of them; memory holds their names, and one row at a time."""
    rows = {f"{number}.jpg": np.full(16384, number, np.float32) for number in range(64)}
    file = write(tmp_path / "many.hdf5", rows)
    tracemalloc.start()
    features = StoredFeatures(file)
    read = [float(features.read(Path(f"{number}.jpg"))[0, 0]) for number in range(64)]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert read == list(range(64))
    assert most < 1_000_000
    with h5py.File(file, "a") as opened:
        del opened["3.jpg"]
    with pytest.raises(MissingError, match=r"the features of 3\.jpg cannot be read"):
        features.read(Path("3.jpg"))
    Path(file).unlink()
    with pytest.raises(MissingError, match="cannot be read as HDF5"):
        features.read(Path("4.jpg"))


def test_stored_features_answer_as_the_images_do_though_these_are_gone(
    gemel: Callable[..., GEMEL], queries: list[Query], file: str
) -> None:
    gone = [replace(query, image=query.image and Path("/gone") / query.image.name) for query in queries]
    for about in ({}, {"demo_choice": "bm25", "vision": ""}):
        expected = gemel(**about | {"vision": None}).link(queries, "IT2T")
        answers = gemel(features=file, **about).link(gone, "IT2T")
        for answer, other in zip(answers, expected, strict=True):
            assert answer.ranked == other.ranked
            assert answer.scores == pytest.approx(other.scores, rel=1e-4)


def test_an_image_without_sound_features_is_an_error_row(gemel: Callable[..., GEMEL], queries: list[Query], file: str) -> None:
    assert queries[0].image is not None
    with h5py.File(file, "a") as opened:
        opened["odd.png"] = np.where(np.arange(VISION_WIDTH) == 1, np.nan, 0.0)
    asked = [replace(queries[0], image=Path("absent.png")), queries[0], replace(queries[0], image=Path("odd.png"))]
    answers = gemel(features=file).link(asked, "IT2T")
    assert [answer.error for answer in answers] == ["features_missing", None, "features_not_finite"]
    assert all(answer.error is None for answer in gemel(features=file).link(asked, "T2T"))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({}, "holds no features"),
        ({"a.jpg": np.zeros(3), "b.jpg": np.zeros(4)}, "has 4 numbers for b.jpg and 3 for others"),
        ({"a.jpg": np.zeros(3, np.int64)}, r"has int64 of shape \(3,\) for a.jpg"),
        ({"g/a.jpg": np.zeros((1, 3))}, r"has float64 of shape \(1, 3\) for g/a.jpg"),
        ({"a.jpg": h5py.ExternalLink("/etc/passwd", "/")}, "has a link for a.jpg"),
    ],
)
def test_a_file_of_other_things_is_told_in_one_sentence_while_a_grid_is_planned(
    rows: Mapping[str, Any], said: str, gemel_folder: Path, tmp_path: Path
) -> None:
    features = write(tmp_path / "odd.hdf5", rows)
    with pytest.raises(MissingError, match=said) as told:
        component_spec(LINKERS, Component("gemel", {"model": str(gemel_folder), "features": features}), [])
    assert "\n" not in str(told.value)


def test_features_of_another_width_do_not_fit(gemel: Callable[..., GEMEL], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="an image's features are 7"):
        gemel(features=write(tmp_path / "narrow.hdf5", {"a.jpg": np.zeros(7)}))


def test_the_key_has_what_the_file_holds_and_not_where_it_lies(gemel_folder: Path, file: str, tmp_path: Path) -> None:
    def identity(features: str | None) -> dict[str, Any]:
        spec = component_spec(LINKERS, Component("gemel", {"model": str(gemel_folder), "features": features}), [])
        assert spec is not None
        return spec.identity

    (tmp_path / "moved").mkdir()
    moved = str(shutil.copy(file, tmp_path / "moved"))
    known = identity(file)
    assert identity(moved) == known != identity(None)
    with h5py.File(moved, "a") as opened:
        opened["more.png"] = np.zeros(VISION_WIDTH)
    assert identity(moved) != known


def test_attacks_on_images_are_refused_and_attacks_on_text_run(gemel_folder: Path, tmp_path: Path) -> None:
    import robustmel

    data = robustmel.load_dataset("world-news", split="test")
    vision = VisionEncoder("world:clip-world", device="cpu")
    images = {mention.image for mention in data if mention.image}
    rows = {image.name: vision.picture_features([decode(image)])[0].numpy() for image in images}
    features = write(tmp_path / "world.hdf5", rows)
    linker = {"name": "gemel", "model": str(gemel_folder), "features": features, "demos": 1}
    table: dict[str, Any] = {"datasets": ["world-news"], "linkers": [linker], "tasks": ["IT2T", "T2T"], "limit": 3}
    for attack in ("pgd", "square", "noise"):
        with pytest.raises(UsageError, match=rf"attack {attack} changes images, and linker gemel reads stored features"):
            run(**table, attacks=[attack], out=tmp_path / "run", store=tmp_path / "store")
    with pytest.raises(UsageError, match="reads stored features"):
        run(
            **table | {"linkers": [linker, "clip-world"]},
            attacks=[{"name": "square", "source": "clip-world"}],
            out=tmp_path / "run",
            store=tmp_path / "store",
        )
    report = run(**table, attacks=["clean", "qwerty"], out=tmp_path / "run", store=tmp_path / "store")
    cells = {(row["task"], row["attack"], row["errors"]) for row in json.loads(report.to_json())}
    assert cells == {(task, attack, 0) for task in ("IT2T", "T2T") for attack in ("clean", "qwerty")}
