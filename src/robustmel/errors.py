"""What goes wrong in a way the user can mend: one sentence each, with the exit code of the command line."""

from __future__ import annotations

from typing import ClassVar


class RobustMELError(Exception):
    """A problem told in one sentence: the thing, what was expected, the way out."""

    exit_code: ClassVar[int] = 1


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
