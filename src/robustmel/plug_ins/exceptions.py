"""Whose an exception is: that of another's code is told by its file and line."""

import inspect
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from operator import attrgetter

from robustmel.errors import RobustMELError

PLUGINS: set[str] = set()
"""Top-level modules of components that are not this package's: their exceptions are theirs."""


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
