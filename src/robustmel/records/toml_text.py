"""TOML that others wrote, read so that no file of it takes the machine down."""

import sys
import tomllib
from pathlib import Path
from typing import Any

from robustmel.errors import UsageError

LONGEST, DOTS = 1_000_000, 1_000
"""Characters of a file, and dots of a line of it: more than any grid, recipe or table of options needs."""


def bounded_text(path: Path) -> str:
    """The text of a file, up to what `toml_table` refuses as too long; without end, as of /dev/zero, it is not read on.

    Raises:
        OSError, UnicodeDecodeError: It cannot be read.
    """
    with path.open(encoding="utf-8-sig") as file:
        return file.read(LONGEST + 1)


def toml_table(text: str, what: str) -> dict[str, Any]:
    """A table. What nobody needs is refused unread: a key of 60,000 dots takes the parser half a minute and 8 GB.

    Args:
        text: The TOML.
        what: Begins the sentence of an error ("grid file x is not valid TOML").

    Raises:
        UsageError: It is no TOML, or too large, too deep, or with too long a number.
    """
    if len(text) > LONGEST or any(line.count(".") > DOTS for line in text.splitlines()):
        raise UsageError(f"{what}: it has over {LONGEST:,} characters, or over {DOTS:,} dots in a line.")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise UsageError(f"{what}: {problem}.") from None
    except RecursionError:
        raise UsageError(f"{what}: it is nested too deeply.") from None
    except ValueError:
        raise UsageError(f"{what}: it holds a whole number of more than {sys.get_int_max_str_digits():,} digits.") from None
