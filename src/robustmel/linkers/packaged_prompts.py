"""Prompts are files with a version, which lie beside the component that asks them."""

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import TypeVar

from robustmel.errors import UsageError

P = TypeVar("P")


@lru_cache
def read_prompt(prompt_class: type[P], component: str, version: int, kind: str = "linker") -> P:
    """The packaged prompt of that version.

    Args:
        prompt_class: What it becomes, from the values of the file.
        component: Its folder holds the file.
        version: Of the file.
        kind: "linker" or "defence", in whose folder (`robustmel.linkers`) the component's own lies.

    Raises:
        UsageError: There is none.
    """
    folder = files(f"robustmel.{kind}s") / component
    file = folder / f"prompt-{version}.toml"
    if not file.is_file():
        versions = sorted(other.name[7:-5] for other in folder.iterdir() if other.name.startswith("prompt-"))
        raise UsageError(f"prompt = {version} is unknown; {kind} {component} has prompt {', '.join(versions)}.")
    return prompt_class(**tomllib.loads(file.read_text("utf-8")))
