"""`robustmel poison` that is killed or interrupted, wherever that is: the same command ends with the bytes of one that was not."""

from __future__ import annotations

import signal
from importlib import import_module
from pathlib import Path

import pytest
from tests import warm_python

from robustmel.cli.entry import run

ENDS = {
    "killed between two texts": ("robustmel.run.stages.perturb_texts._attack", 3, "SIGKILL", -signal.SIGKILL),
    "interrupted between two texts": ("robustmel.run.stages.perturb_texts._attack", 2, "SIGINT", 130),
    "killed while the records are written": ("robustmel.run.publish_poison.mention_record", 9, "SIGKILL", -signal.SIGKILL),
}
"""Function before whose n-th call the signal comes, its name, and the exit status; the edits are made in four pieces."""

ENDED = """
import os, signal, sys
from importlib import import_module
from robustmel.__main__ import main
import robustmel.run.stages.poison as stage
place, number, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
module, function = place.rsplit(".", 1)
whole, calls = getattr(import_module(module), function), []
def counted(*given):
    calls.append(1)
    if len(calls) == number:
        os.kill(os.getpid(), getattr(signal, name))
    return whole(*given)
setattr(import_module(module), function, counted)
stage.BATCH, sys.argv = 5, ["robustmel", *sys.argv[4:]]
sys.exit(main())
"""


def options(data: Path, folder: Path) -> list[str]:
    given = {
        "--path": data,
        "--attack": "char_swap",
        "--record-rate": "0.9",
        "--out": folder / "out",
        "--store": folder / "store",
    }
    return ["poison", "jsonl", "--trigger", "cf", *(str(part) for pair in given.items() for part in pair)]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("end", ENDS)
def test_an_end_at_any_point_changes_no_byte_and_leaves_nothing(end: str, odd_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(import_module("robustmel.run.stages.poison"), "BATCH", 5)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert run(options(odd_data, whole)) == 0
    place, number, name, status = ENDS[end]
    cut.mkdir()
    done = warm_python.run(["-c", ENDED, place, str(number), name, *options(odd_data, cut)])
    assert done.returncode == status, done.stderr
    assert not (cut / "out").exists()
    assert run(options(odd_data, cut)) == 0
    assert content(cut / "out") == content(whole / "out")
    left = [{str(path.relative_to(folder)) for path in folder.rglob("*")} for folder in (cut, whole)]
    assert left[0] - {name for name in left[0] if "log" in name} == left[1] - {name for name in left[1] if "log" in name}
