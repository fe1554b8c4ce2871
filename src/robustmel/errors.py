"""Errors that the user can fix: one sentence each, with the exit code of the command line."""

import re
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, ClassVar, TextIO

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


_JOINERS = "\u200c\u200d"


def printable(text: str, limit: int | None = 100, keep: str = "") -> str:
    """A text safe for a terminal, on one line: control characters and the like are written as escapes.

    Data must not steer a terminal: labels, file names and messages of other libraries may hold escape sequences, line ends,
    characters that reverse the direction of writing, or halves of a surrogate pair.

    Args:
        text: From a data set, a file name, a plug-in.
        limit: Cut to so many characters; None keeps all.
        keep: Characters to leave as they are all the same: the line feed, for a text of several lines.
    """
    cut = text if limit is None or len(text) <= limit else text[: limit - 3] + "..."
    return "".join(
        letter
        if letter in keep or letter in _JOINERS or unicodedata.category(letter) not in _UNSAFE
        else letter.encode("unicode_escape").decode("ascii")
        for letter in cut
    )


def with_article(noun: str) -> str:
    """A noun with "a" or "an", by its first letter ("u" and "h" are taken to sound as in "user" and "header")."""
    return f"an {noun}" if noun[:1] in "AEIOaeio" else f"a {noun}"


class _Guard:
    """A stream that writes what is given to it as `printable` shows it.

    Args:
        unguarded: Where it goes.
        strict: False escapes only the controls below 0x20, which no JSON, CSV or LaTeX holds unescaped for a good reason.
    """

    def __init__(self, unguarded: TextIO, strict: bool) -> None:
        self.unguarded, self._strict = unguarded, strict

    def write(self, text: str) -> int:
        lead = "\r" if text.startswith("\r") else ""  # a line that is written over
        text = text.removeprefix("\r").replace("\r\n", "\n") if self._strict else text
        safe = printable(text, None, keep="\n\t") if self._strict else _CONTROLS.sub(lambda match: repr(match[0])[1:-1], text)
        self.unguarded.write(lead + safe if self._strict else safe)
        return len(text)

    def close(self) -> None:
        """Does nothing: a plug-in may not close what everyone writes to."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unguarded, name)


_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@contextmanager
def guarded() -> Iterator[None]:
    """Inside this context, printed text cannot control the terminal: labels, file names, messages of plug-ins.

    The error stream and a terminal get text as `printable` shows it; a file or a pipe on the output stream keeps all but
    control characters.
    """
    output: Any = _Guard(sys.stdout, strict=sys.stdout.isatty())
    errors: Any = _Guard(sys.stderr, strict=True)
    with redirect_stdout(output), redirect_stderr(errors):
        yield


class RobustMELError(Exception):
    """A problem told in one sentence: the thing, what was expected, the way out; safe for a terminal."""

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        return printable(super().__str__(), limit=None, keep="\n")


class UsageError(RobustMELError):
    """The request itself is wrong (an option, a grid, an unknown name); found before any model loads."""

    exit_code = 2


class MissingError(RobustMELError):
    """Something the request needs is absent or unreadable: a file, a folder, weights, a device, disk space."""

    exit_code = 3


class ImageError(RobustMELError):
    """An image that cannot be used.

    Args:
        kind: `no_image` (the mention names none), `image_missing`, `image_decode` or `image_refused`.
        message: One sentence naming the file.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
