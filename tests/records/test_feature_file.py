"""Features of images in HDF5: found by name and by address; nothing else is followed or believed."""

from pathlib import Path

import numpy as np
import pytest

from robustmel.datasets.layouts.gemel import FeatureFile
from robustmel.errors import MissingError

h5py = pytest.importorskip("h5py")

COMMONS = "https://upload.wikimedia.org/wikipedia/commons"
FLAG, ACCENT = f"{COMMONS}/d/d5/Flag.svg", f"{COMMONS}/c/c3/Caf%C3%A9.jpeg"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Keys as GEMEL's two files have them: a name, and addresses that become nested groups."""
    rows = {"90001.jpg": 1.0, FLAG: 2.0, ACCENT: 3.0}
    with h5py.File(tmp_path / "features.hdf5", "w") as opened:
        for key, value in rows.items():
            opened[key] = np.full(4, value, np.float32)
        opened["thumb/Flag.svg/220px-Flag.svg.png"] = np.full(4, 6.0, np.float16)  # a group bears the name of an image
        opened["whole.jpg"], opened["square.jpg"] = np.arange(4), np.zeros((2, 2), np.float32)
        opened["elsewhere.jpg"] = h5py.ExternalLink("/etc/passwd", "/")
        opened["soft.jpg"] = h5py.SoftLink("/90001.jpg")
    return tmp_path / "features.hdf5"


def test_vectors_are_found_by_name_and_by_address(file: Path) -> None:
    lacking = {COMMONS, "nothing", "whole.jpg", "square.jpg", "elsewhere.jpg", "soft.jpg", "90001.jpg/x"}
    with FeatureFile(file) as features:
        assert features.lacking(["90001.jpg", FLAG, ACCENT, *lacking]) == lacking


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.hdf5").write_text("text")
    for name, said in (("text.hdf5", "cannot be read as HDF5"), ("absent.hdf5", "cannot be read as HDF5")):
        with pytest.raises(MissingError, match=said):
            FeatureFile(tmp_path / name)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(MissingError, match=r'pip install "robustmel\[hdf5\]"'):
        FeatureFile(file)
