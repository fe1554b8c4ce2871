"""Every command that shows progress, on a real (pseudo-)terminal: piped output shows none of what a terminal is shown."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import termios
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from tests.warm_python import start

LINKER = f"{Path(__file__).parents[1] / 'run' / 'colour_linker.py'}:ColourLinker"
DATA = '{name = "jsonl", path = "colours"}'
GRID = f"""
datasets = [{DATA}]
linkers = ["{LINKER}"]
tasks = ["I2T"]
attacks = ["noise", {{name = "pgd", eps = "8/255", steps = 3}}]
limit = 3
batch_size = 1
"""
SHAPE = {"vision_width": 32, "vision_depth": 1, "text_width": 32, "text_depth": 1, "vocabulary": 300}
SMALL = ["--set", "epochs=1", *(word for name, size in SHAPE.items() for word in ("--set", f"architecture.{name}={size}"))]
TRAIN = ["train", "dual-encoder", "--dataset", DATA, "--family", "clip", *SMALL, "--out", "model"]
FEW = """
from robustmel.__main__ import main
from robustmel.selftest import checks
planted = checks._planted
checks._planted = lambda source, limit, folder: planted(source, 20, folder)
main()
"""
SELFTEST = ["-c", FEW, "selftest"]
"""On as few pictures as it takes."""

pytestmark = pytest.mark.usefixtures("colour_data")


def on_a_terminal(
    arguments: list[str], columns: int, folder: Path, interrupt_when: Callable[[], bool] = lambda: False
) -> tuple[int, str]:
    """Exit code and all that a terminal of so many columns was sent; Ctrl-C is typed once, as soon as `interrupt_when` says so."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    known = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    environment = known | {"TERM": "xterm", "OMP_NUM_THREADS": "1"}
    command = arguments if arguments[0] == "-c" else ["-m", "robustmel", *arguments]
    with start(
        command, stdin=child, stdout=child, stderr=child, cwd=folder, env=environment, start_new_session=True
    ) as process:
        os.close(child)
        said, typed = bytearray(), False
        while True:
            if not typed and interrupt_when():
                os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it too
                typed = True
            if not select.select([parent], [], [], 0.1)[0]:
                continue
            try:
                heard = os.read(parent, 65536)
            except OSError:  # Linux says so when the last writer has closed
                break
            if not heard:
                break
            said += heard
    os.close(parent)
    return process.wait(), said.decode("utf-8", "replace")


@pytest.mark.parametrize(("workers", "columns"), [("1", 40), ("2", 200)])
def test_a_run_ends_well_on_a_terminal(tmp_path: Path, workers: str, columns: int) -> None:
    (tmp_path / "grid.toml").write_text(GRID)
    code, said = on_a_terminal(["run", "grid.toml", "--workers", workers], columns, tmp_path)
    assert code == 0, said
    assert "\x1b[" in said  # the display was drawn
    if columns == 200:
        assert "artefacts made" in said
        assert "100%" in said
    assert (tmp_path / "runs" / "grid" / "report" / "index.html").is_file()


@pytest.mark.parametrize(
    ("columns", "arguments"),
    [
        (200, ["demo", "--quick", "--workers", "1"]),
        (40, ["perturb", DATA, "--linker", LINKER, "--attack", "noise", "--out", "set"]),
        (200, TRAIN),
        (40, ["export", DATA, "--split", "test", "--out", "exported"]),
        (200, ["kb", "build", "--dataset", DATA, "--out", "kb"]),
        (40, [*SELFTEST, "--attack", '{name = "pgd", steps = 10}', "--workers", "1"]),
    ],
    ids=lambda value: next(word for word in value if word.isalpha()) if isinstance(value, list) else None,
)
def test_commands_with_progress_end_well_on_a_terminal(
    tmp_path: Path, colour_data: Path, columns: int, arguments: list[str]
) -> None:
    if arguments[0] == "train":
        mentions = colour_data / "mentions.jsonl"
        mentions.write_text(mentions.read_text().replace('"split": "test"', '"split": "train"'))
    code, said = on_a_terminal(arguments, columns, tmp_path)
    assert code == 0, said
    assert "━" in said  # a bar was drawn
    assert "Traceback" not in said


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_on_a_terminal_is_told_and_the_same_command_finishes(tmp_path: Path, workers: str) -> None:
    (tmp_path / "grid.toml").write_text(GRID.replace("limit = 3", "limit = 12").replace("steps = 3", "steps = 300"))
    command = ["run", "grid.toml", "--workers", workers]

    def at_work() -> bool:
        return any(tmp_path.glob(".robustmel/variant/*/*.partial/shards/*.parquet"))

    code, said = on_a_terminal(command, 100, tmp_path, at_work)
    assert code == 130, said
    assert "interrupted. Finished work is kept" in said
    assert "Traceback" not in said
    code, said = on_a_terminal(command, 100, tmp_path)
    assert code == 0, said


def test_ctrl_c_while_the_workers_start_shows_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_text(GRID)

    def starting() -> bool:
        return any(b"spawn_main" in command for command in commands_in(tmp_path))

    code, said = on_a_terminal(["run", "grid.toml", "--workers", "2"], 100, tmp_path, starting)
    assert code == 130, said
    assert "interrupted. Finished work is kept" in said
    assert "Traceback" not in said


def commands_in(folder: Path) -> list[bytes]:
    """Command lines of the processes whose working directory this is."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == folder:
                lines.append((process / "cmdline").read_bytes())
    return lines


def test_a_label_neither_steers_the_terminal_nor_is_markup(tmp_path: Path) -> None:
    label = json.dumps("[/b] \x1b]0;owned\x07")
    grid = GRID.replace(f'["{LINKER}"]', f'[{{name = "{LINKER}", label = {label}}}]')
    (tmp_path / "grid.toml").write_text(grid)
    code, said = on_a_terminal(["run", "grid.toml"], 200, tmp_path)
    assert code == 0, said
    assert "owned" in said
    assert "\x1b]0;" not in said
