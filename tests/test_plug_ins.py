"""What another's code does to the process ends with it."""

from __future__ import annotations

import io
import logging
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests import warm_python

from robustmel.cli.entry import run
from robustmel.errors import MissingError
from robustmel.plug_ins.process_settings import undisturbed
from robustmel.registry import load_file_component

LINKER = '''
class Linker:
    """Nothing is known to it."""
    tasks, version, random = ("I2T",), 1, False

    def __init__(self, kb, /): print("built")

    def link(self, queries, task):
        from robustmel.types import Prediction
        print("asked")
        return [Prediction(query.id, ranked=query.candidates, scores=(0.0,) * len(query.candidates)) for query in queries]
'''

SETTINGS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "dtype": (torch.get_default_dtype, lambda: torch.set_default_dtype(torch.float64)),
    "device": (torch.get_default_device, lambda: torch.set_default_device("meta")),
    "gradients": (torch.is_grad_enabled, lambda: torch._C._set_grad_enabled(False)),
    "numpy": (np.geterr, lambda: np.seterr(all="raise")),
    "warnings": (lambda: [made[0] for made in warnings.filters if made[0] == "error"], lambda: warnings.simplefilter("error")),
    "stdout": (lambda: sys.stdout, lambda: setattr(sys, "stdout", io.StringIO())),
    "stderr": (lambda: sys.stderr, lambda: setattr(sys, "stderr", io.StringIO())),
    "exit": (lambda: sys.exit, lambda: setattr(sys, "exit", print)),
    "depth": (sys.getrecursionlimit, lambda: sys.setrecursionlimit(5000)),
    "log": (lambda: logging.root.manager.disable, lambda: logging.disable(logging.CRITICAL)),
    "Ctrl-C": (lambda: signal.getsignal(signal.SIGINT), lambda: signal.signal(signal.SIGINT, lambda *_: None)),
    "SIGTERM": (lambda: signal.getsignal(signal.SIGTERM), lambda: signal.signal(signal.SIGTERM, lambda *_: None)),
}


@pytest.mark.parametrize("what", SETTINGS)
def test_what_holds_for_the_whole_process_is_put_back(what: str) -> None:
    read, spoil = SETTINGS[what]
    before = read()
    try:
        with suppress(ZeroDivisionError), undisturbed():
            spoil()
            spoilt = read()
            raise ZeroDivisionError
        after = read()
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)
        logging.disable(logging.NOTSET)
    assert spoilt != before
    assert after == before


@pytest.mark.parametrize("raised", ["asyncio.CancelledError()", "GeneratorExit()", "type('Own', (BaseException,), {})('boo')"])
def test_a_file_may_raise_anything_when_it_is_read(tmp_path: Path, raised: str) -> None:
    (tmp_path / "raises.py").write_text(f"import asyncio\nraise {raised}")
    with pytest.raises(MissingError, match="does not import"):
        load_file_component(f"{tmp_path}/raises.py:Thing")


def test_a_working_directory_that_was_removed_is_no_fault_of_a_plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    (tmp_path / "sound.py").write_text(LINKER)
    assert load_file_component(f"{tmp_path}/sound.py:Linker").tasks == ("I2T",)


def test_what_a_plug_in_prints_is_no_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "talks.py").write_text("import io, sys\nprint('read')\nsys.stdout = io.StringIO()\n" + LINKER)
    run(["linkers", f"{tmp_path}/talks.py:Linker"])
    shown = capsys.readouterr()
    assert not {"read", "built", "asked"} & set(shown.out.split("\n"))
    assert {"read", "built", "asked"} <= set(shown.err.split("\n"))
    assert "conformance: " in shown.out


def test_a_thread_that_does_not_end_holds_nobody_up(tmp_path: Path) -> None:
    text = (
        f"import threading\nthreading.Thread(target=threading.Event().wait).start()\nimport sys\nsys.stdout.close()\n{LINKER}"
    )
    (tmp_path / "waits.py").write_text(text)
    done = warm_python.run(["-m", "robustmel", "linkers", "waits.py:Linker"], cwd=tmp_path, timeout=60)
    assert done.returncode == 1
    assert done.stderr.endswith("a thread that a plug-in started does not end; it is left behind.\n")
    assert "conformance: " in done.stdout


def test_an_idle_pool_of_threads_is_no_thread_that_does_not_end(tmp_path: Path) -> None:
    text = (
        f"from concurrent.futures import ThreadPoolExecutor\nPOOL = ThreadPoolExecutor(1)\nPOOL.submit(int).result()\n{LINKER}"
    )
    (tmp_path / "pools.py").write_text(text)
    done = warm_python.run(["-m", "robustmel", "linkers", "pools.py:Linker"], cwd=tmp_path, timeout=60)
    assert "conformance: " in done.stdout
    assert "left behind" not in done.stderr


def test_a_library_whose_import_is_forbidden_has_nothing_to_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with undisturbed():
        pass


def test_a_warning_is_no_error_once_it_was_forgiven() -> None:
    def warn() -> None:
        warnings.warn("again", UserWarning, stacklevel=1)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with undisturbed():
            warnings.simplefilter("error")
            with pytest.raises(UserWarning):
                warn()
        warn()
