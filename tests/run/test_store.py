from __future__ import annotations

import errno
import os
import subprocess
import textwrap
import tracemalloc
from pathlib import Path

import pytest
from tests.warm_python import start

from robustmel.errors import MissingError
from robustmel.run.store import Store, checked, write_manifest
from robustmel.run.writing import write_atomically, writing

KEY = "ab" * 20


def test_what_has_no_manifest_does_not_exist(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.path("answers", KEY).mkdir(parents=True)
    (store.path("answers", KEY) / "answers.parquet").write_bytes(b"half")
    assert not store.has("answers", KEY)
    store.keep("answers", KEY, lambda folder: {"seen": len(list(folder.iterdir()))})
    assert store.manifest("answers", KEY)["seen"] == 0


def test_an_artefact_of_many_files_is_looked_at_file_by_file(tmp_path: Path) -> None:
    """As a table of names and digests they would take some 400 bytes a file."""
    store, images = Store(tmp_path), 4000

    def make(folder: Path) -> dict[str, object]:
        (folder / "images").mkdir()
        for number in range(images):
            (folder / "images" / f"{number:032x}.png").touch()
        return {"mentions": images}

    store.keep("variant", KEY, make)
    store.has("variant", KEY)
    tracemalloc.start()
    assert store.has("variant", KEY)
    assert store.manifest("variant", KEY)["mentions"] == images
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150 * images  # a file that is read takes 256 kB of it
    (store.path("variant", KEY) / "images" / f"{images - 1:032x}.png").write_text("changed")
    assert not store.has("variant", KEY)


def test_an_artefact_is_made_once(tmp_path: Path) -> None:
    store, calls = Store(tmp_path), []
    for _ in range(3):
        store.keep("answers", KEY, lambda folder: {"call": len(calls.append(folder) or calls)})  # type: ignore[func-returns-value]
    assert len(calls) == 1


def test_a_failed_maker_leaves_its_pieces_but_no_artefact(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fails(folder: Path) -> dict[str, object]:
        (folder / "piece").write_text("done")
        raise ValueError("in the middle")

    with pytest.raises(ValueError):
        store.keep("answers", KEY, fails)
    assert not store.has("answers", KEY)
    found = []
    store.keep("answers", KEY, lambda folder: {"found": found.append((folder / "piece").read_text()) or "yes"})
    assert found == ["done"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_a_full_or_closed_disk_is_one_sentence(tmp_path: Path, code: int) -> None:
    def fails(folder: Path) -> dict[str, object]:
        raise OSError(code, os.strerror(code), str(folder))

    with pytest.raises(MissingError) as caught:
        Store(tmp_path).keep("answers", KEY, fails)
    assert str(tmp_path) in str(caught.value)
    assert "--store" in str(caught.value)
    assert not Store(tmp_path).has("answers", KEY)


def test_a_really_full_disk_leaves_nothing_half_renamed(tmp_path: Path) -> None:
    """/dev/full fails every write with ENOSPC."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")

    def fails(folder: Path) -> dict[str, object]:
        (folder / "big").symlink_to("/dev/full")
        (folder / "big").write_bytes(b"x" * 10_000)
        return {}

    with pytest.raises(MissingError, match="no space left"):
        Store(tmp_path).keep("answers", KEY, fails)
    assert not Store(tmp_path).path("answers", KEY).exists()


def test_writing_is_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "new \ud800")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]
    (tmp_path / "folder").mkdir()
    with pytest.raises(MissingError, match=r"folder cannot be written: a folder is in its place; choose"), writing(tmp_path):
        write_atomically(tmp_path / "folder", "new")
    assert len(list(tmp_path.iterdir())) == 2


def test_of_many_processes_one_makes_the_artefact(tmp_path: Path) -> None:
    code = f"""
        import os, time
        from pathlib import Path
        from robustmel.run.store import Store, checked, write_manifest
        def make(folder):
            with open({str(tmp_path / "calls")!r}, "a") as calls:
                calls.write("x")
            time.sleep(0.5)
            return {{"pid": os.getpid()}}
        store = Store(Path({str(tmp_path / "store")!r}))
        print(store.keep("answers", {KEY!r}, make), store.path("answers", {KEY!r}))
    """
    started = [start(["-c", textwrap.dedent(code)], stdout=subprocess.PIPE) for _ in range(4)]
    said = sorted(process.communicate()[0].split() for process in started)
    path = str(Store(tmp_path / "store").path("answers", KEY))
    assert said == [["False", path]] * 3 + [["True", path]]  # one of them says that it made it
    assert (tmp_path / "calls").read_text() == "x"


def test_what_a_killed_process_was_writing_is_no_part_of_an_artefact(tmp_path: Path) -> None:
    for name in ("undisturbed", "killed"):
        (tmp_path / name / "images").mkdir(parents=True)
        (tmp_path / name / "images" / "a.png").write_bytes(b"a picture")
    for unfinished in ("images/.b.png.25386.140.tmp", "answers.parquet.00ff.tmp"):
        (tmp_path / "killed" / unfinished).write_bytes(b"")
    for name in ("undisturbed", "killed"):
        write_manifest(tmp_path / name, {})
    whole, resumed = (
        {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file()}
        for name in ("undisturbed", "killed")
    )
    assert resumed == whole


@pytest.mark.skipif(os.name == "nt", reason="no such names on Windows")
def test_no_name_breaks_the_list_of_checksums(tmp_path: Path) -> None:
    names = ["a\nb", "c\rd", "e\\nf", "g\\", "h  i", "j"]
    for name in names:
        (tmp_path / name).write_text(name)
    write_manifest(tmp_path, {})
    assert checked(tmp_path)[1] is None
    for name in names:
        (tmp_path / name).write_text("other, of another length")
        assert checked(tmp_path)[1] == f"has a changed {name}"
        (tmp_path / name).write_text(name)
