"""Folders that appear whole, and what killed processes left beside them."""

from __future__ import annotations

import fcntl
import inspect
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from robustmel.errors import MissingError
from robustmel.records.new_folder import new_folder

HELD = """
import sys, time
from pathlib import Path
from robustmel.records.new_folder import new_folder
with new_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("x")
    print(folder.name, flush=True)
    sys.stdin.read()
"""


def started(out: Path, code: str = HELD) -> tuple[subprocess.Popen[str], Path]:
    """A process that is in the middle of making a folder."""
    process = subprocess.Popen([sys.executable, "-c", code, str(out)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, out.parent / process.stdout.readline().strip()


AT_ITS_END = """
import sys
from pathlib import Path
finish = Path.replace
def held(path, target):
    if path.name.startswith(".out."):
        print(path.name, flush=True)
        sys.stdin.read()
    return finish(path, target)
Path.replace = held
"""
"""A process that has written all files of a folder called out, and not yet given it its name."""


def kb_build(out: Path) -> None:
    from robustmel.kb.write import write_kb
    from robustmel.types import Entity

    write_kb([Entity("Q1", "Ada")], out)


def export(out: Path) -> None:
    from robustmel.datasets.dataset import Dataset
    from robustmel.export import export_own
    from robustmel.kb import KnowledgeBase
    from robustmel.records.load_report import LoadReport
    from robustmel.types import Entity, Mention

    export_own(Dataset("set", (Mention("m", "Q1", "Ada"),), KnowledgeBase([Entity("Q1", "Ada")]), LoadReport("jsonl")), out)


@pytest.mark.parametrize("make", [kb_build, export])
def test_what_a_killed_process_left_is_removed_by_the_same_command(tmp_path: Path, make: Callable[[Path], None]) -> None:
    code = f"{AT_ITS_END}{inspect.getsource(make)}{make.__name__}(Path(sys.argv[1]))"
    process, left = started(tmp_path / "out", code)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert any(left.iterdir())
    assert [entry.name for entry in tmp_path.iterdir()] == [left.name]
    make(tmp_path / "out")
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_what_a_living_process_is_making_stays(tmp_path: Path) -> None:
    process, theirs = started(tmp_path / "out")
    kb_build(tmp_path / "out")
    assert (theirs / "half").is_file()
    process.communicate("")
    assert process.returncode != 0  # the folder was there first
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_other_files_of_like_names_stay(tmp_path: Path) -> None:
    for name in (".out.backup.tmp", ".out.12", ".other.12.tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / ".out.13.tmp").write_text("a file")
    kb_build(tmp_path / "out")
    assert len(list(tmp_path.iterdir())) == 5


def test_a_disk_without_locks_still_gets_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr(fcntl, "flock", refused)
    (tmp_path / ".out.1.tmp").mkdir()
    kb_build(tmp_path / "out")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".out.1.tmp", "out"]


def test_a_failure_leaves_nothing_and_is_told(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "out"):
        raise ZeroDivisionError
    with pytest.raises(MissingError, match="out cannot be written: No space left"), new_folder(tmp_path / "out"):
        raise OSError(28, os.strerror(28))
    assert list(tmp_path.iterdir()) == []
