"""Features of images in HDF5: found by name, by address and by the name of the image's file; nothing else is followed or believed."""

from pathlib import Path

import numpy as np
import pytest

from robustmel.errors import MissingError
from robustmel.records.feature_file import FeatureFile
from robustmel.records.image_paths import wikidiverse_name

h5py = pytest.importorskip("h5py")

COMMONS = "https://upload.wikimedia.org/wikipedia/commons"
FLAG, ACCENT, TWICE = f"{COMMONS}/d/d5/Flag.svg", f"{COMMONS}/c/c3/Caf%C3%A9.jpeg", f"{COMMONS}/a/a1/Twice.jpg"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Keys as GEMEL's two files have them: a name, and addresses that become nested groups."""
    rows = {"90001.jpg": 1.0, FLAG: 2.0, ACCENT: 3.0, TWICE: 4.0, f"{COMMONS}/b/b2/Twice.jpg": 5.0}
    with h5py.File(tmp_path / "features.hdf5", "w") as opened:
        for key, value in rows.items():
            opened[key] = np.full(4, value, np.float32)
        opened["thumb/Flag.svg/220px-Flag.svg.png"] = np.full(4, 6.0, np.float16)  # a group bears the name of an image
        opened["nan.jpg"] = np.array([1, np.nan], np.float32)
        opened["whole.jpg"], opened["square.jpg"] = np.arange(4), np.zeros((2, 2), np.float32)
        opened["elsewhere.jpg"] = h5py.ExternalLink("/etc/passwd", "/")
        opened["soft.jpg"] = h5py.SoftLink("/90001.jpg")
    return tmp_path / "features.hdf5"


def test_vectors_are_found_by_name_and_by_address(file: Path) -> None:
    lacking = {COMMONS, "nothing", "whole.jpg", "square.jpg", "elsewhere.jpg", "soft.jpg", "90001.jpg/x"}
    with FeatureFile(file) as features:
        assert features.lacking(["90001.jpg", FLAG, ACCENT, *lacking]) == lacking
        named, flag, absent, no_number = features.read(["90001.jpg", FLAG, "nothing", "nan.jpg"])
    assert named is not None
    assert flag is not None
    assert named.dtype == np.float32
    assert (named.tolist(), flag.tolist()) == ([1.0] * 4, [2.0] * 4)
    assert absent is None
    assert no_number is None


def test_vectors_are_found_by_the_name_of_the_images_file(file: Path) -> None:
    with FeatureFile(file) as features:
        keys = features.by_image()
        wanted = ["90001.jpg", wikidiverse_name(FLAG), wikidiverse_name(ACCENT), "Flag.svg", "220px-Flag.svg.png"]
        read = features.read([keys[name] for name in wanted])
    assert [vector[0] for vector in read if vector is not None] == [1.0, 2.0, 3.0, 2.0, 6.0]
    assert not {"Twice.jpg", wikidiverse_name(TWICE)} & keys.keys(), "two vectors of one name: neither is taken"


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.hdf5").write_text("text")
    for name, said in (("text.hdf5", "cannot be read as HDF5"), ("absent.hdf5", "cannot be read as HDF5")):
        with pytest.raises(MissingError, match=said):
            FeatureFile(tmp_path / name)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(MissingError, match=r'pip install "robustmel\[hdf5\]"'):
        FeatureFile(file)
