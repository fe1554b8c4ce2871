"""What reaches a terminal cannot steer it."""

import json
import subprocess
import sys
import unicodedata
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.errors import MissingError, RobustMELError, guarded, printable

TEXTS = st.text(st.characters(exclude_categories=()))


@given(TEXTS)
def test_no_text_steers_a_terminal(text: str) -> None:
    shown = printable(text, limit=None)
    assert not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in shown)
    assert not any(letter in shown for letter in "\u202e\u2066\ufeff")
    assert printable(shown, limit=None) == shown
    shown.encode()
    assert str(MissingError(text)) == printable(text, limit=None, keep="\n")


@pytest.mark.parametrize("text", ["Zürich, 東京\u3000都", "नमस्\u200dते", "a b", "200\xa0km"])
def test_what_people_write_stays(text: str) -> None:
    assert printable(text) == text


def test_an_escape_sequence_is_shown_and_lines_of_an_error_stay_lines() -> None:
    assert str(RobustMELError("two faults:\n- \x1b[2Jgone")) == "two faults:\n- \\x1b[2Jgone"
    assert printable("a\nb" + "c" * 200) == "a\\nb" + "c" * 94 + "..."


ESCAPE = "\x1b]0;owned\x07\x1b[2J"


@given(TEXTS)
def test_what_is_printed_does_not_steer_whoever_prints_it(text: str) -> None:
    errors, output = StringIO(), StringIO()
    with redirect_stderr(errors), redirect_stdout(output):
        with guarded():
            print(text, file=sys.stderr)
            print(text)
        print("after", file=sys.stderr)
    controls = {chr(code) for code in range(32)} - set("\n\t\r")
    assert not controls & set(errors.getvalue() + output.getvalue())
    assert not any(
        unicodedata.category(letter) in ("Cc", "Cf", "Cs") for letter in errors.getvalue() if letter not in "\r\n\t\u200c\u200d"
    )
    assert "\r" not in errors.getvalue()[1:]
    assert errors.getvalue().endswith("after\n")


@given(st.dictionaries(TEXTS, TEXTS))
def test_data_in_a_pipe_stay_the_same_data(table: dict[str, str]) -> None:
    output = StringIO()
    with redirect_stdout(output), guarded():
        json.dump(table, sys.stdout, ensure_ascii=False)
    assert json.loads(output.getvalue()) == table


def test_a_line_that_is_written_over_still_is() -> None:
    errors = StringIO()
    with redirect_stderr(errors), guarded():
        print("\r3 of 9\r", ESCAPE, end="", file=sys.stderr)
    assert errors.getvalue() == "\r3 of 9\\r \\x1b]0;owned\\x07\\x1b[2J"


RAISING = """
class Mine:
    tasks, version = ("I2T",), 1
    def __init__(self, kb, /): pass
    def link(self, queries, task): raise RuntimeError({escape!r})
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_neither_labels_nor_plug_ins_nor_files_write_escapes(workers: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(RAISING.format(escape=ESCAPE))
    label = json.dumps("a [/b] " + ESCAPE)
    linkers = f'linkers = [{{name = "mine.py:Mine", label = {label}}}, "clip-world"]\n'
    (tmp_path / "grid.toml").write_text(
        'datasets = ["world-news"]\ntasks = ["I2T"]\nattacks = ["clean"]\nlimit = 3\n' + linkers
    )
    on_pipes = {"cwd": tmp_path, "capture_output": True, "text": True, "check": False}
    for arguments in (
        ["run", "grid.toml", "--workers", workers],
        ["report", "runs/grid", "--format", "csv"],
        ["linkers", "mine.py:Mine"],
        ["plan", f"{ESCAPE}.toml"],
        [ESCAPE],
    ):
        ended = subprocess.run([sys.executable, "-m", "robustmel", *arguments], **on_pipes)  # type: ignore[call-overload]
        assert "\x1b" not in ended.stdout + ended.stderr
        assert ended.returncode in (0, 1, 2, 3)
        assert "This is a bug" not in ended.stderr
