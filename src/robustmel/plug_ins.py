"""Code of others that runs in this process: whose an exception is, and what is put back after it."""

import atexit
import inspect
import locale
import logging
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from robustmel.errors import RobustMELError

PLUGINS: set[str] = set()
"""Top-level modules of components that are not this package's: their exceptions are theirs."""

PATIENCE = 2.0
"""Seconds that threads of plug-ins have at the end of the process."""


@contextmanager
def blaming_plugins() -> Iterator[None]:
    """Turns an exception that passed through a plug-in's code into one sentence that names its file and line; leaves all others.

    Raises:
        RobustMELError: The component of another's raised, or tried to end the process.
    """
    try:
        yield
    except (RobustMELError, KeyboardInterrupt):
        raise
    except BaseException as problem:  # asyncio's CancelledError is no Exception
        frames = reversed(list(traceback.walk_tb(problem.__traceback__)))
        for frame, line in frames:
            if str(frame.f_globals.get("__name__")).partition(".")[0] in PLUGINS:
                place = f"{frame.f_code.co_filename}, line {line}, in {frame.f_code.co_qualname}"
                raise RobustMELError(f"{place}: it raises {type(problem).__name__}: {problem}.") from problem
        owner = problem.obj if isinstance(problem, AttributeError) else None  # raised by us, about what a plug-in handed over
        kind = owner if isinstance(owner, type) else type(owner)
        if kind.__module__.partition(".")[0] in PLUGINS:
            raise RobustMELError(f"{kind.__name__} of {inspect.getfile(kind)}: {problem}.") from problem
        if isinstance(problem, TypeError) and (file := _file_of(str(problem).partition("(")[0])):  # as we called what is there
            raise RobustMELError(f"{file}: {problem}.") from problem
        raise


def _file_of(name: str) -> str:
    """The file of a plug-in that defines `Class.method`; "" where none does."""
    for plugin in PLUGINS:
        with suppress(AttributeError, KeyError, TypeError):
            return inspect.getfile(attrgetter(name)(sys.modules[plugin]))
    return ""


@dataclass(frozen=True)
class _Setting:
    """What holds for the whole process, and a library's import by another may set.

    Args:
        library: The module it belongs to.
        read: Its value, from that module.
        write: Sets it.
        at_first: Its value before the module was imported.
    """

    library: str
    read: Callable[[Any], Any]
    write: Callable[[Any, Any], Any]
    at_first: Any = None

    def now(self) -> Any:
        module = sys.modules.get(self.library)  # None too where its import is forbidden
        return self.at_first if module is None else self.read(module)

    def put_back(self, before: Any) -> None:
        if self.now() != before:
            self.write(sys.modules[self.library], before)


def _signal(number: int) -> _Setting:
    main = threading.main_thread()
    return _Setting(
        "signal",
        lambda module: module.getsignal(number) if threading.current_thread() is main else None,
        lambda module, before: before is None or module.signal(number, before),
    )


_SETTINGS = (
    _Setting(
        "warnings",
        lambda module: [made for made in module.filters if made[0] == "error"],
        lambda module, before: _forgive(before),
    ),
    _Setting("sys", lambda module: module.exit, lambda module, before: setattr(module, "exit", before)),
    _Setting("sys", lambda module: module.getrecursionlimit(), lambda module, before: module.setrecursionlimit(before)),
    _Setting(
        "locale", lambda module: locale.setlocale(locale.LC_ALL), lambda module, before: locale.setlocale(locale.LC_ALL, before)
    ),
    _Setting("logging", lambda module: logging.root.manager.disable, lambda module, before: logging.disable(before)),
    _signal(signal.SIGINT),
    _signal(signal.SIGTERM),
    _Setting(
        "numpy",
        lambda module: module.geterr(),
        lambda module, before: module.seterr(**before),
        {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"},
    ),
    _Setting(
        "torch",
        lambda module: str(module.get_default_dtype()),
        lambda module, before: module.set_default_dtype(getattr(module, before[6:])),
        "torch.float32",
    ),
    _Setting("torch", lambda module: module.is_grad_enabled(), lambda module, before: module.set_grad_enabled(before), True),
    _Setting(
        "torch",
        lambda module: str(module.get_default_device()),
        lambda module, before: module.set_default_device(None if before == "cpu" else before),
        "cpu",
    ),
)
_ABANDONED: list[Any] = []
"""Streams that plug-ins put in place of ours: one that ends would close the stream behind it."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Code of another's runs within: what it sets for the whole process is put back, and what it prints is no data of a command.

    Put back are the working directory, `sys.exit`, the recursion limit, warnings made errors, the locale, handlers of Ctrl-C and
    SIGTERM, NumPy's treatment of floating-point errors, and torch's default type, device and recording of gradients. On the
    command line, printed text goes to the error stream. What ends the process at once (`os._exit`, a crash in C) ends it.
    """
    before = [setting.now() for setting in _SETTINGS]
    with ExitStack() as stack:
        with suppress(FileNotFoundError):  # the working directory itself may have been removed
            stack.enter_context(chdir(Path.cwd()))  # wherever it goes, relative paths stay true
        if hasattr(sys.stdout, "unguarded"):
            stack.enter_context(redirect_stdout(sys.stderr))
        ours = sys.stdout
        try:
            yield
        finally:
            if sys.stdout is not ours:
                _ABANDONED.append(sys.stdout)
            for setting, value in zip(_SETTINGS, before, strict=True):
                setting.put_back(value)


def _forgive(before: list[Any]) -> None:
    """Warnings are errors no longer, but for those that were before; other filters are libraries' own."""
    filters: Any = warnings.filters
    filters[:] = [made for made in filters if made[0] != "error" or made in before]
    with warnings.catch_warnings():  # whose end makes Python heed the change, by no name that versions differ in
        pass


def end(code: int) -> None:
    """Ends the process; threads of plug-ins that do not end are left, where Python would wait for them for ever."""
    others = [thread for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()]
    if PLUGINS and others:
        threading.Thread(target=_tell_idle_threads, daemon=True).start()
        last = time.monotonic() + PATIENCE
        for thread in others:
            thread.join(max(last - time.monotonic(), 0))
        if any(thread.is_alive() for thread in others):
            print("a thread that a plug-in started does not end; it is left behind.", file=sys.stderr)
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    raise SystemExit(code)


def _tell_idle_threads() -> None:
    """Tells the pools of `concurrent.futures` that nothing more comes, as Python does at its end: their idle threads end then."""
    for told in reversed(threading._threading_atexits):  # type: ignore[attr-defined]
        told()
