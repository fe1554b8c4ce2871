"""Prompts are files with a version, which lie beside the linker that asks them."""

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import TypeVar

from robustmel.errors import UsageError

P = TypeVar("P")


@lru_cache
def read_prompt(made: type[P], linker: str, version: int) -> P:
    """The packaged prompt of that version.

    Args:
        made: What it becomes, from the values of the file.
        linker: Folder of `robustmel.linkers` that holds the file.
        version: Of the file.

    Raises:
        UsageError: There is none.
    """
    folder = files("robustmel.linkers") / linker
    file = folder / f"prompt-{version}.toml"
    if not file.is_file():
        known = sorted(other.name[7:-5] for other in folder.iterdir() if other.name.startswith("prompt-"))
        raise UsageError(f"prompt = {version} is unknown; linker {linker} has prompt {', '.join(known)}.")
    return made(**tomllib.loads(file.read_text("utf-8")))
