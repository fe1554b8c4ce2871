from __future__ import annotations

import importlib.metadata
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from robustmel.attacks import ATTACKS
from robustmel.candidates import CANDIDATES
from robustmel.datasets import DATASETS
from robustmel.defences import DEFENCES
from robustmel.errors import MissingError, UsageError
from robustmel.linkers import LINKERS
from robustmel.plug_ins import import_limit
from robustmel.registry import Preset, Registry


@dataclass(frozen=True)
class Thing:
    size: int
    colour: str = "red"


@pytest.fixture
def things() -> Registry:
    here = f"{__name__}:Thing"
    sys.modules.setdefault(__name__, sys.modules[Thing.__module__])
    entries = {"thing": here, "big-thing": Preset("thing", {"size": 9}), "lost": "no.such.module:Thing"}
    return Registry("thing", entries)


def test_names_become_components_only_when_asked_for(things: Registry) -> None:
    assert list(things) == ["thing", "big-thing", "lost"]
    assert things.create("thing", size=1) == Thing(1)
    with pytest.raises(MissingError, match=r"lost cannot be imported from no\.such\.module"):
        things.load("lost")


def test_a_preset_fills_in_parameters_that_can_be_overridden(things: Registry) -> None:
    assert things.create("big-thing") == Thing(9)
    assert things.create("big-thing", size=2, colour="blue") == Thing(2, "blue")
    assert things.base("big-thing") == "thing"


def test_unknown_names_get_a_suggestion(things: Registry) -> None:
    with pytest.raises(UsageError, match='unknown thing "thng". Did you mean "thing"'):
        things.load("thng")
    with pytest.raises(UsageError, match="Known: big-thing, lost, thing"):
        things.load("zzz")
    with pytest.raises(UsageError, match='no parameter "sze". Did you mean "size"'):
        things.create("thing", sze=1)
    with pytest.raises(UsageError, match='needs the parameter "size"'):
        things.create("thing")


def test_defaults_are_part_of_the_parameters(things: Registry) -> None:
    assert things.parameters("thing", {"size": 1}) == things.parameters("thing", {"size": 1, "colour": "red"})


def test_a_class_in_a_file(tmp_path: Path, things: Registry) -> None:
    file = tmp_path / "odd name ü.py"
    file.write_text("from dataclasses import dataclass\n@dataclass\nclass Mine:\n    size: int = 3\n")
    assert things.create(f"{file}:Mine", size=4).size == 4
    assert things.base(f"{file}:Mine") == "Mine"
    with pytest.raises(MissingError, match="has no class Other"):
        things.load(f"{file}:Other")
    with pytest.raises(MissingError, match="no file"):
        things.load(f"{tmp_path}/absent.py:Mine")
    file.write_text("raise ValueError('broken')")
    with pytest.raises(MissingError, match="does not import: ValueError: broken"):
        things.load(f"{file}:Mine")


def test_other_packages_are_listed_without_being_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from robustmel.cli.components import show

    for name, body in (
        ("leaves", "import sys\nsys.exit(4)"),
        ("breaks", "1 / 0"),
        ("sleeps", "import time\ntime.sleep(10**6)"),
    ):
        (tmp_path / f"{name}_plugin.py").write_text(body)
    monkeypatch.syspath_prepend(tmp_path)
    points = [importlib.metadata.EntryPoint(name, f"{name}_plugin:Thing", "g") for name in ("leaves", "breaks", "sleeps")]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)
    registry = Registry("thing", {}, "g")
    show(registry, None)
    assert "from leaves_plugin; give its name" in capsys.readouterr().out
    assert not {"leaves_plugin", "sleeps_plugin"} & sys.modules.keys()
    with pytest.raises(MissingError, match=r"thing leaves cannot be imported from leaves_plugin:Thing: SystemExit: 4\.$"):
        registry.load("leaves")
    with pytest.raises(MissingError, match="ZeroDivisionError: division by zero"):
        registry.load("breaks")


ENDLESS = {
    "sleeps": "import time\ntime.sleep(10**6)",
    "turns": "while True: pass",
    "listens": "import socket\nhere = socket.create_server(('127.0.0.1', 0))\nhere.accept()",
    "insists": "import time\nwhile True:\n    try:\n        time.sleep(10**6)\n    except Exception:\n        pass",
}


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS)
def test_an_import_that_does_not_end_is_named_and_others_load(
    body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, things: Registry
) -> None:
    (tmp_path / "endless_plugin.py").write_text(body)
    (tmp_path / "sound_plugin.py").write_text("class Thing:\n    pass")
    monkeypatch.syspath_prepend(tmp_path)
    points = [importlib.metadata.EntryPoint(name, f"{name}_plugin:Thing", "g") for name in ("endless", "sound")]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)
    monkeypatch.setattr(import_limit, "SECONDS", 0.05)
    timer, handler = signal.setitimer(signal.ITIMER_REAL, 200), signal.getsignal(signal.SIGALRM)
    registry = Registry("thing", {}, "g")
    with pytest.raises(MissingError, match=r"thing endless cannot be imported from .*: it did not end within 0\.05 seconds\.$"):
        registry.load("endless")
    with pytest.raises(MissingError, match=r"endless_plugin\.py does not import: .*it did not end within"):
        things.load(f"{tmp_path}/endless_plugin.py:Thing")
    assert registry.load("sound").__module__ == "sound_plugin"
    assert signal.getsignal(signal.SIGALRM) is handler
    assert 190 < signal.setitimer(signal.ITIMER_REAL, *timer)[0] <= 200  # whoever had set an alarm still has it
    sys.modules.pop("sound_plugin")


def test_a_file_that_ends_the_process_is_told(tmp_path: Path, things: Registry) -> None:
    (tmp_path / "leaves.py").write_text("raise SystemExit(3)")
    with pytest.raises(MissingError, match="does not import: SystemExit: 3"):
        things.load(f"{tmp_path}/leaves.py:Thing")


@pytest.mark.parametrize("registry", [ATTACKS, CANDIDATES, DATASETS, DEFENCES, LINKERS], ids=lambda registry: registry.kind)
def test_a_class_that_keeps_no_contract_is_refused_before_anything_is_made(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("class Empty: ...\n")
    with pytest.raises(UsageError, match=rf"^{registry.kind} .*empty.py:Empty: it has no (method|class attribute) "):
        registry.parameters(f"{tmp_path}/empty.py:Empty")


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from robustmel.cli.entry import run; run(['--help']);"
        "heavy = {'torch', 'transformers', 'pyarrow', 'scipy', 'matplotlib', 'numpy', 'pydantic'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "perturb" in done.stdout
