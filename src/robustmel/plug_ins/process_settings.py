"""What another's code sets for the whole process, put back after it."""

import locale
import logging
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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
    _Setting("sys", lambda module: module.stdout, lambda module, before: setattr(module, "stdout", before)),
    _Setting("sys", lambda module: module.stderr, lambda module, before: setattr(module, "stderr", before)),
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

    Put back are the working directory, `sys.stdout`, `sys.stderr`, `sys.exit`, the recursion limit, warnings made errors, the locale, handlers of Ctrl-C and
    SIGTERM, NumPy's treatment of floating-point errors, and torch's default type, device and recording of gradients. On the
    command line, printed text goes to the error stream. What ends the process at once (`os._exit`, a crash in C) ends it.
    """
    before = [setting.now() for setting in _SETTINGS]
    with ExitStack() as stack:
        with suppress(FileNotFoundError):  # the working directory itself may have been removed
            stack.enter_context(chdir(Path.cwd()))  # wherever it goes, relative paths stay true
        if hasattr(sys.stdout, "unguarded"):
            stack.enter_context(redirect_stdout(sys.stderr))
        ours = sys.stdout, sys.stderr
        try:
            yield
        finally:
            _ABANDONED.extend(stream for stream in (sys.stdout, sys.stderr) if stream not in ours)
            for setting, value in zip(_SETTINGS, before, strict=True):
                setting.put_back(value)


def _forgive(before: list[Any]) -> None:
    """Warnings are errors no longer, but for those that were before; other filters are libraries' own."""
    filters: Any = warnings.filters
    filters[:] = [made for made in filters if made[0] != "error" or made in before]
    with warnings.catch_warnings():  # whose end makes Python heed the change, by no name that versions differ in
        pass
