"""A run that is stopped or killed in the middle goes on by the same command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from tests.run.test_executors import until
from tests.warm_python import start

from robustmel.cli.entry import run as command_line

LINKER = str(Path(__file__).parent / "colour_linker.py")
GRID = """
datasets = [{{name = "jsonl", path = "{data}"}}]
linkers = [{{name = "{linker}:ColourLinker", label = "colour", pause = 0.03}}]
tasks = ["I2T"]
attacks = ["clean", {{name = "pgd", eps = 0.6, step_size = 0.1, steps = 10}}]
batch_size = 2
"""


@pytest.mark.parametrize(
    ("how", "workers"), [(signal.SIGKILL, "1"), (signal.SIGKILL, "2"), (signal.SIGINT, "1"), (signal.SIGTERM, "2")]
)
def test_a_stopped_run_goes_on_and_ends_as_if_nothing_had_happened(
    colour_data: Path,
    tmp_path: Path,
    how: int,
    workers: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "grid.toml").write_text(GRID.format(data=colour_data, linker=LINKER))
    arguments = ["run", "grid.toml", "--workers", workers, "--device", "cpu", "--out", "stopped", "--store", "stopped store"]
    environment = os.environ | {"COLOUR_LINKER_CALLS": str(tmp_path / "calls of stopped"), "OMP_NUM_THREADS": "1"}
    command = ["-m", "robustmel", *arguments]
    process = start(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    until(lambda: len(_pieces(tmp_path)) >= 3, process)
    process.send_signal(how)
    _, told = process.communicate(timeout=100)
    assert process.returncode == (-signal.SIGKILL if how == signal.SIGKILL else 130), told
    assert 3 <= len(_pieces(tmp_path)) < 9

    monkeypatch.setenv("COLOUR_LINKER_CALLS", str(tmp_path / "calls of stopped"))
    assert command_line([*arguments[:3], "1", *arguments[4:]]) == 0
    monkeypatch.setenv("COLOUR_LINKER_CALLS", str(tmp_path / "calls of whole"))
    assert command_line(["run", "grid.toml", "--device", "cpu", "--out", "whole", "--store", "whole store"]) == 0
    stopped, whole = (len((tmp_path / f"calls of {name}").read_text()) for name in ("stopped", "whole"))
    assert stopped <= whole + 2 * 13, "finished batches were done again"

    capsys.readouterr()
    reports = []
    for out in ("stopped", "whole"):
        assert command_line(["report", out, "--format", "json"]) == 0
        reports.append(capsys.readouterr().out)
    assert reports[0] == reports[1]
    assert len(json.loads(reports[0])) == 2


def _pieces(folder: Path) -> list[Path]:
    return list(folder.glob("stopped store/variant/*/*.partial/shards/*.parquet"))
