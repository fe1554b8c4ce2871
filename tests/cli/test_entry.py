"""Whose fault it was: a bug of the package is called one, and nothing else is."""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from robustmel.cli.entry import run
from robustmel.errors import RobustMELError
from robustmel.plug_ins.exceptions import blaming_plugins
from robustmel.registry import load_file_component
from robustmel.run.writing import writing

BUG = "This is a bug in robustmel"


def raising(problem: BaseException) -> Any:
    def raises(*_: object, **__: object) -> None:
        raise problem

    return raises


@pytest.mark.parametrize(
    ("problem", "code", "sentence"),
    [
        (OSError(errno.EROFS, "Read-only file system", "/data/x"), 3, "error: /data/x: Read-only file system."),
        (OSError(errno.EIO, "Input/output error"), 3, "error: Input/output error."),
        (ConnectionError("the server went away"), 3, "error: the server went away."),
        (MemoryError(), 3, "error: out of memory."),
        (KeyError("x"), 1, BUG),
        (RuntimeError("x"), 1, BUG),
    ],
)
def test_disks_and_memory_are_not_called_bugs_and_bugs_are(
    problem: Exception, code: int, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("robustmel.cli.components.show", raising(problem))
    assert run(["linkers"]) == code
    told = capsys.readouterr().err
    assert sentence in told
    assert (BUG in told) == (sentence == BUG)


@pytest.mark.parametrize(
    "what",
    ["KeyError('x')", "SystemExit(5)", "__import__('asyncio').CancelledError()", "OSError(28, 'No space left on device')"],
)
@pytest.mark.parametrize("kind", ["dataset", "attack"])
def test_what_a_class_of_ones_own_raises_is_told_with_its_line(
    what: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attack = "modality, writes, needs, threat_model, budget, version, random = 'image', ('image',), 'nothing', 'linf', '1/255', 1, False"
    file, grid = tmp_path / "mine.py", tmp_path / "grid.toml"
    file.write_text(
        f"class Mine:\n    {attack}\n    def __init__(self):\n        raise {what}\n    load = passes = perturb = print\n"
    )
    mine = json.dumps([f"{file}:Mine"])
    axes = {"datasets": '["world-news"]', "attacks": '["clean"]'} | {f"{kind}s": mine}
    grid.write_text("linkers = ['clip-world']\n" + "".join(f"{axis} = {value}\n" for axis, value in axes.items()))
    assert run(["plan", str(grid), "--store", str(tmp_path / "store")]) in (1, 2)
    told = capsys.readouterr().err
    assert "mine.py, line 4, in Mine.__init__: it raises" in told
    assert BUG not in told


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EEXIST, errno.ENOTDIR, errno.ENOSPC])
def test_the_option_named_is_the_one_that_was_given(code: int, tmp_path: Path) -> None:
    for way_out, other in (("choose another --out", "--store"), ("choose another --store", "--out")):
        with pytest.raises(Exception, match=way_out) as caught, writing(tmp_path, way_out):
            raise OSError(code, "no", str(tmp_path / "file"))
        assert other not in str(caught.value)
    with pytest.raises(OSError, match="elsewhere"), writing(tmp_path, "choose another --out"):
        raise OSError(code, "no", "/elsewhere")


def test_a_store_that_is_a_link_to_nowhere_is_told_as_the_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "store").symlink_to(tmp_path / "nowhere")
    grid = tmp_path / "grid.toml"
    grid.write_text("datasets = ['world-news']\nlinkers = ['clip-world']\nattacks = ['clean']\ntasks = ['T2T']\nlimit = 2\n")
    assert run(["run", str(grid), "--store", str(tmp_path / "store"), "--out", str(tmp_path / "out")]) == 3
    told = capsys.readouterr().err
    assert "a broken link is in its place; choose another --store" in told
    assert "--out" not in told


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_command_whose_output_is_closed_ends_as_ever(stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, stream, None)
    assert run(["attacks"]) == 0
    monkeypatch.setattr(sys, stream, None)
    assert run(["attacks", "pgdd"]) == 2


@pytest.mark.parametrize("option", ["--store", "--out"])
def test_a_link_to_itself_is_no_bug(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = {name: tmp_path / name.strip("-") for name in ("--store", "--out")}
    folders[option].symlink_to(folders[option])
    grid = tmp_path / "grid.toml"
    grid.write_text("datasets = ['world-news']\nlinkers = ['clip-world']\nattacks = ['clean']\ntasks = ['T2T']\nlimit = 2\n")
    assert run(["run", str(grid), *(word for name, folder in folders.items() for word in (name, str(folder)))]) == 3
    told = capsys.readouterr().err
    assert str(folders[option]) in told
    assert BUG not in told


def test_a_run_that_cannot_be_written_to_is_no_bug_of_view(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Built:
        class run:  # noqa: N801
            out = tmp_path

        write_page = staticmethod(raising(OSError(errno.EROFS, "Read-only file system", str(tmp_path / "report"))))

    monkeypatch.setattr("robustmel.cli.results._scored", lambda *_: (Built, True))
    assert run(["view", str(tmp_path)]) == 3
    assert "Read-only file system; copy the run folder to a writable place" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("axis", "component", "sentence"),
    [
        ("datasets", "ListData", "dataset ListData: load must return a Dataset, not list."),
        ("defences", "NoCapabilities", "defence NoCapabilities: capabilities must return Capabilities, not NoneType."),
        ("candidates", "NoCandidates", "NoCandidates gave a NoneType for 2 mentions; it must give one list per mention."),
        ("candidates", "Letters", "Letters gave a str for mention "),
        ("candidates", "Unordered", "it must give a list of entity ids, each once."),
        ("candidates", "Numbers", "Numbers gave a list of int for mention "),
        ("candidates", "Twice", "it must give a list of entity ids, each once."),
        ("defences", "NoClassMethod", "odd_components.py: NoClassMethod.capabilities() missing 1 required positional argument"),
        ("attacks", "Attack", "in Attack.perturb: it raises SystemExit: 9."),
    ],
)
def test_what_a_component_of_ones_own_hands_back_wrongly_is_told(
    axis: str, component: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = f"{Path(__file__).with_name('odd_components.py')}:{component}"
    axes: dict[str, object] = {
        "datasets": ["world-news"],
        "linkers": ["clip-world"],
        "attacks": ["clean"],
        "tasks": ["I2T"],
        "limit": 2,
    }
    axes[axis] = mine if axis == "candidates" else [mine]
    grid = tmp_path / "grid.toml"
    grid.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in axes.items()))
    assert run(["run", str(grid), "--store", str(tmp_path / "store"), "--out", str(tmp_path / "out")]) in (1, 2)
    told = capsys.readouterr().err
    assert sentence in told
    assert BUG not in told


def test_a_missing_attribute_of_an_object_from_a_plug_in_is_the_plug_ins(tmp_path: Path) -> None:
    (tmp_path / "bare.py").write_text("class Bare: ...\n")
    bare = load_file_component(f"{tmp_path}/bare.py:Bare")
    with (
        pytest.raises(RobustMELError, match=r"^Bare of .*bare.py: 'Bare' object has no attribute 'shape'\.$"),
        blaming_plugins(),
    ):
        _ = bare().shape
    with pytest.raises(AttributeError), blaming_plugins():
        _ = object().shape  # type: ignore[attr-defined]
