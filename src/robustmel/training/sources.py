"""How a data set was asked for, as others may read it: nothing of where it lay on one's own machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any


def shown_source(name: str, parameters: Mapping[str, Any]) -> str:
    """A data set's name, or its inline table as on the command line.

    Paths below the working directory are made relative to it; of absolute ones elsewhere the last part is left.

    Args:
        name: As registered.
        parameters: As given.
    """
    if not parameters:
        return name
    return _written({"name": name, **parameters})


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_written(part)}" for key, part in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_written, value)) + "]"
    return json.dumps(_without_place(value) if isinstance(value, str | Path) else value, ensure_ascii=False)


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare else json.dumps(key, ensure_ascii=False)


def _without_place(value: str | Path) -> str:
    text = str(value)
    if text.startswith("~") or PureWindowsPath(text).is_absolute():
        return PureWindowsPath(text).name
    if not PurePosixPath(text).is_absolute():
        return text
    path = Path(text)
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else path.name
