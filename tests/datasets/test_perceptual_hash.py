import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from robustmel.datasets.check import check
from robustmel.datasets.dataset import Dataset
from robustmel.datasets.perceptual_hash import image_hash, nearest_hashes
from robustmel.images import decode, write_png
from robustmel.kb import KnowledgeBase
from robustmel.records.load_report import LoadReport
from robustmel.types import Entity, Mention


def scene(seed: int) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((160, 120), Image.Resampling.BICUBIC))


def saved_anew(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    file = io.BytesIO()
    Image.fromarray(pixels).resize((97, 73)).save(file, "JPEG", quality=60)
    return np.asarray(Image.open(file))


def test_a_scaled_and_recompressed_picture_looks_the_same_and_others_do_not() -> None:
    originals = [image_hash(scene(seed)) for seed in range(40)]
    copies = [image_hash(saved_anew(scene(seed))) for seed in range(40)]
    known = [one for one in originals if one is not None]
    assert len(known) == 40
    assert nearest_hashes([one for one in copies if one is not None], known) == list(range(40))
    strangers = [one for seed in range(100, 140) if (one := image_hash(scene(seed))) is not None]
    assert set(nearest_hashes(strangers, known)) == {None}


def test_a_flat_picture_has_no_look() -> None:
    assert image_hash(np.full((20, 30, 3), 90, dtype=np.uint8)) is None
    assert nearest_hashes([], [(1, 2)]) == []
    assert nearest_hashes([(1, 2)], []) == [None]


def test_check_names_pictures_that_leak_though_their_files_differ(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", scene(1))
    write_png(tmp_path / "b.png", saved_anew(scene(1)))
    write_png(tmp_path / "c.png", scene(2))
    mentions = tuple(
        Mention(name, "x", "x", f"sentence {name}", None, tmp_path / f"{name}.png", None, split)
        for name, split in (("a", "train"), ("b", "test"), ("c", "test"))
    )
    dataset = Dataset("d", mentions, KnowledgeBase([Entity("x", "x")]), LoadReport("none"))
    report = check(dataset)
    assert report.leaks == 1
    (leak,) = [one for one in report.findings if one.reason == "leaks"]
    assert leak.examples == ("b (test) with a (train)",)
    assert "looks the same 1" in leak.detail
    assert decode(tmp_path / "b.png").shape == (73, 97, 3)
