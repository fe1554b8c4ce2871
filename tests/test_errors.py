"""What reaches a terminal cannot steer it."""

import json
import sys
import unicodedata
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import warm_python

from robustmel.cli.entry import run as command_line
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


COLOURS = f"{Path(__file__).parent / 'run' / 'colour_linker.py'}:ColourLinker"
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
from robustmel.types import Prediction
class Mine:
    tasks, version = ("I2T",), 1
    def __init__(self, kb, /): pass
    def link(self, queries, task):
        if any("red" in query.text for query in queries):
            raise RuntimeError({escape!r})
        return [Prediction(query.id) for query in queries]
"""


@pytest.fixture
def escapes(colour_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A grid in the working directory whose label, whose plug-in's error and whose other words would steer a terminal."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(RAISING.format(escape=ESCAPE))
    linkers = f'linkers = [{{name = "mine.py:Mine", label = {json.dumps("a [/b] " + ESCAPE)}}}, "{COLOURS}"]\n'
    data = f'datasets = [{{name = "jsonl", path = "{colour_data}"}}]\n'
    (tmp_path / "grid.toml").write_text(data + 'tasks = ["I2T"]\nattacks = ["clean"]\n' + linkers)


@pytest.mark.usefixtures("escapes")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_neither_labels_nor_plug_ins_write_escapes_in_a_run(workers: str) -> None:
    ended = warm_python.run(["-m", "robustmel", "run", "grid.toml", "--workers", workers])
    assert ended.returncode == 1, ended.stderr
    assert "owned" in ended.stdout
    assert "\x1b" not in ended.stdout + ended.stderr


@pytest.mark.usefixtures("escapes")
def test_no_other_command_writes_them_either(capfd: pytest.CaptureFixture[str]) -> None:
    for code, arguments in (
        (1, ["run", "grid.toml"]),
        (0, ["report", "runs/grid", "--format", "csv"]),
        (1, ["linkers", "mine.py:Mine"]),
        (3, ["plan", f"{ESCAPE}.toml"]),
        (2, [ESCAPE]),
    ):
        assert command_line(arguments) == code
        told = capfd.readouterr()
        assert "owned" in told.out + told.err
        assert "\x1b" not in told.out + told.err
