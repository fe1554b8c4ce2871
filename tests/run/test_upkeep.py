"""What the store holds, for whom, and what may go."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.run.test_damage import PGD, content, run

from robustmel.errors import MissingError
from robustmel.report import build
from robustmel.run.store import Store
from robustmel.run.upkeep import clean, inventory, redo


def test_what_lies_there_is_counted_with_its_bytes(colour_data: Path, tmp_path: Path) -> None:
    run(colour_data, tmp_path)
    said = inventory(Store(tmp_path / "store"))
    kinds = {"candidates": 1, "variant": 1, "answers": 2}
    for kind, count in kinds.items():
        size = sum(path.stat().st_size for path in (tmp_path / "store" / kind).rglob("*") if path.is_file())
        assert f"{kind:<10}  {count} artefacts, {size / 1e6:,.1f} MB" in said
    assert f"run {tmp_path / 'out'}: 4 artefacts" in said
    assert "of no run: 0 artefacts" in said


def test_what_another_run_needs_stays(colour_data: Path, tmp_path: Path) -> None:
    run(colour_data, tmp_path)
    before, store = content(tmp_path / "store"), Store(tmp_path / "store")
    (tmp_path / "out").rename(tmp_path / "kept")
    run(colour_data, tmp_path, attacks=[PGD, "noise"])
    (tmp_path / "out").rename(tmp_path / "gone")
    run(colour_data, tmp_path)
    assert "of no run: 2 artefacts" in inventory(store)
    assert clean(store).startswith("removed: 2 artefacts")
    assert content(tmp_path / "store") == before
    assert build(tmp_path / "out").summaries
    shutil.rmtree(tmp_path / "out")
    clean(store)
    assert not content(tmp_path / "store")


def test_a_run_is_made_anew(colour_data: Path, tmp_path: Path) -> None:
    made, before = run(colour_data, tmp_path).made, content(tmp_path / "store")
    assert f"removed: {made} artefacts" in redo(Store(tmp_path / "store"), tmp_path / "out")
    assert not content(tmp_path / "store")
    assert run(colour_data, tmp_path).made == made
    assert content(tmp_path / "store") == before


def test_an_unknown_run_or_store_is_refused(colour_data: Path, tmp_path: Path) -> None:
    run(colour_data, tmp_path)
    with pytest.raises(MissingError, match="no run in"):
        redo(Store(tmp_path / "store"), tmp_path / "elsewhere")
    with pytest.raises(MissingError, match="no store"):
        inventory(Store(tmp_path / "nothing"))


@pytest.mark.parametrize("odd", ["pipe", "device", "folder", "words"])
def test_a_note_that_says_nothing_is_named_and_nobody_waits_for_it(odd: str, colour_data: Path, tmp_path: Path) -> None:
    run(colour_data, tmp_path)
    (note,) = (tmp_path / "store" / "runs").glob("*.json")
    note.unlink()
    make = {"pipe": os.mkfifo, "device": lambda path: path.symlink_to("/dev/zero"), "folder": Path.mkdir}
    make.get(odd, lambda path: path.write_text("[3]"))(note)
    for work in (inventory, clean):
        with pytest.raises(MissingError, match=f"{note.name} cannot be read, so the needs"):
            work(Store(tmp_path / "store"))


@pytest.mark.parametrize("target", [None, "/dev/zero"])
def test_a_run_file_that_is_no_file_is_refused_and_nobody_waits_for_it(target: str | None, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    if target is None:
        os.mkfifo(path)
    else:
        path.symlink_to(target)
    with pytest.raises(MissingError, match="cannot be read: it is not a file; run the grid again"):
        build(tmp_path)
