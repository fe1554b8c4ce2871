import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robustmel.datasets import unpack as module
from robustmel.datasets.unpack import unpack
from robustmel.errors import MissingError, UsageError

FILES = {"a.json": b"{}", "images/b.png": b"\x89PNG" * 50, "images/deep/c.txt": b""}


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("empty")
        for name, body in files.items():
            archive.writestr(name, body)
    return path


def tarred(path: Path, files: dict[str, bytes], packing: str = "gz") -> Path:
    with tarfile.open(path, f"w:{packing}") as archive:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return path


@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_files_come_out_as_they_went_in(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"set.{suffix}"
    archive = zipped(path, FILES) if suffix == "zip" else tarred(path, FILES, suffix.partition(".")[2])
    assert unpack(archive, tmp_path / "out") == 3
    found = {one.relative_to(tmp_path / "out").as_posix(): one for one in (tmp_path / "out").rglob("*") if one.is_file()}
    assert {name: one.read_bytes() for name, one in found.items()} == FILES


@pytest.mark.parametrize("make", [zipped, tarred])
@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "a/../../evil", "..\\evil", "C:\\evil"])
def test_an_entry_that_leads_out_is_refused(tmp_path: Path, make: Callable[..., Path], name: str) -> None:
    with pytest.raises(MissingError, match="leads out of its folder"):
        unpack(make(tmp_path / "x", {"good": b"1", name: b"2"}), tmp_path / "in" / "out")
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["in", "x"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        info = tarfile.TarInfo("a")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(MissingError, match="is a link or a device"):
        unpack(tmp_path / "x.tar", tmp_path / "out")
    link = zipfile.ZipInfo("a")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as zip_archive:
        zip_archive.writestr(link, "/etc/passwd")
    with pytest.raises(MissingError, match="is a link or a device"):
        unpack(tmp_path / "x.zip", tmp_path / "out")


@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_bomb_is_refused_and_leaves_nothing(tmp_path: Path, make: Callable[..., Path]) -> None:
    archive = make(tmp_path / "bomb", {"zeros": bytes(30 * 2**20)})
    with pytest.raises(MissingError, match="far more than its size"):
        unpack(archive, tmp_path / "out")
    assert [one.name for one in tmp_path.iterdir()] == ["bomb"]


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 2)
    with pytest.raises(MissingError, match="over 2 files"):
        unpack(zipped(tmp_path / "x.zip", FILES), tmp_path / "out")


def test_an_entry_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a", "1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a", "2")
    with pytest.raises(MissingError, match="appears in it twice"):
        unpack(tmp_path / "x.zip", tmp_path / "out")


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(MissingError, match="already exists"):
        unpack(zipped(tmp_path / "x.zip", FILES), tmp_path / "out")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(cut=st.integers(0, 600), place=st.integers(0, 600), byte=st.integers(0, 255), kind=st.sampled_from(["zip", "gz", "xz"]))
def test_a_torn_or_mutated_archive_gives_a_sentence_or_its_files(
    tmp_path_factory: pytest.TempPathFactory, cut: int, place: int, byte: int, kind: str
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    archive = zipped(folder / "x", FILES) if kind == "zip" else tarred(folder / "x", FILES, kind)
    body = bytearray(archive.read_bytes())
    body[place % len(body)] = byte
    archive.write_bytes(bytes(body[: len(body) - cut % len(body)]))
    refused = ""
    try:
        unpack(archive, folder / "out")
    except MissingError as problem:
        refused = str(problem)
    assert (str(folder) in refused) == bool(refused)
    assert (folder / "out").exists() == (not refused)


def unflagged(path: Path, names: list[bytes]) -> Path:
    """A zip whose names are raw bytes without the flag for UTF-8."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr("n" * len(name), b"x")
    content = path.read_bytes()
    for name in names:
        content = content.replace(b"n" * len(name), name, 2)
    path.write_bytes(content)
    return path


def listed(folder: Path) -> list[str]:
    return sorted(entry.relative_to(folder).as_posix() for entry in folder.rglob("*") if entry.is_file())


@pytest.mark.parametrize(
    ("encoding", "name"), [("gbk", "图片/北京.jpg"), ("shift_jis", "表示/猫.jpg"), ("cp866", "мир/кот.jpg")]
)
def test_names_are_utf_8_where_valid_else_in_the_encoding_given(
    tmp_path: Path, encoding: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    unpack(unflagged(tmp_path / "utf8.zip", [name.encode()]), tmp_path / "utf8")
    assert listed(tmp_path / "utf8") == [name]
    archive = unflagged(tmp_path / "other.zip", [name.encode(encoding)])
    unpack(archive, tmp_path / "named", encoding)
    assert listed(tmp_path / "named") == [name]
    assert caplog.records == []
    assert unpack(archive, tmp_path / "as-they-are") == 1
    assert "are not UTF-8 and stay as they are" in caplog.text
    assert "--encoding" in caplog.text
    with pytest.raises(UsageError, match="not a known encoding"):
        unpack(archive, tmp_path / "none", "no-such")
    assert not (tmp_path / "none").exists()


def test_names_of_a_tar_are_treated_alike(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.GNU_FORMAT, encoding="gbk") as archive:
        archive.addfile(tarfile.TarInfo("图片/北京.jpg"))
    unpack(tmp_path / "a.tar", tmp_path / "named", "gbk")
    assert listed(tmp_path / "named") == ["图片/北京.jpg"]
    assert caplog.records == []
    assert unpack(tmp_path / "a.tar", tmp_path / "as-they-are") == 1
    assert "are not UTF-8" in caplog.text


def test_a_colon_in_a_title_leads_nowhere(tmp_path: Path) -> None:
    assert unpack(zipped(tmp_path / "x", {"Mission: Impossible.jpg": b"1"}), tmp_path / "out") == 1
    assert (tmp_path / "out" / "Mission: Impossible.jpg").read_bytes() == b"1"


def test_what_cannot_be_unpacked_is_told_of_the_archive_in_one_line(tmp_path: Path) -> None:
    clashing = zipped(tmp_path / "clash", {"a": b"1", "a/b": b"2"})
    (tmp_path / "junk").write_bytes(b"PK\3\4junk")
    locked = bytearray(zipped(tmp_path / "locked", {"a": b"1"}).read_bytes())
    for place in range(len(locked) - 4):  # the flag that says encrypted, in every header
        if locked[place : place + 4] in (b"PK\3\4", b"PK\1\2"):
            locked[place + (6 if locked[place + 2] == 3 else 8)] |= 1
    (tmp_path / "locked").write_bytes(locked)
    told = {
        clashing: "has the name of a file for a folder",
        tmp_path / "junk": "is not a .zip or .tar",
        tmp_path / "locked": "encrypted",
    }
    for archive, says in told.items():
        with pytest.raises(MissingError, match=says) as refused:
            unpack(archive, tmp_path / "out")
        assert str(refused.value).startswith(str(archive))
        assert "\n" not in str(refused.value)
