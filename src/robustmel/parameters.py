"""Are the values of a component's parameters of the types that its constructor states?"""

from __future__ import annotations

import dataclasses
import inspect
import math
import types
import typing
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

WORDS = {str: "text", bool: "true or false", int: "a whole number", float: "a number", Path: "a path", type(None): "nothing"}


def wrong_values(component: type[Any], given: Mapping[str, Any]) -> list[str]:
    """What is wrong with given values, one clause a parameter: `batch_size = "x"; expected a whole number`.

    Only plain types are looked at (numbers, text, paths, lists, tables, choices); what else a signature states is left to the
    component, and so are the values of parameters it states no type for.
    """
    try:
        # A data class may inherit fields, whose types are named as in the file of the class they come from.
        stated = typing.get_type_hints(component if dataclasses.is_dataclass(component) else component.__init__)
    except (NameError, TypeError):  # names that only a type checker imports
        return []
    return [
        f"{name} = {_written(value)}; expected {_expected(stated[name])}"
        for name, value in given.items()
        if name in stated and not _fits(value, stated[name])
    ]


def _fits(value: Any, stated: Any) -> bool:
    origin, parts = get_origin(stated), get_args(stated)
    if origin in (Union, types.UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is Literal:
        return any(type(value) is type(choice) and value == choice for choice in parts)
    if stated is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)
    if stated is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if stated is Path:
        return isinstance(value, (str, Path))
    if stated in WORDS:
        return isinstance(value, stated)
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        return isinstance(value, Mapping)
    if inspect.isclass(origin) and issubclass(origin, Collection):
        fixed = parts and origin is tuple and parts[-1] is not Ellipsis
        members = isinstance(value, Sequence) and not isinstance(value, str)
        return members and (bool(fixed) or all(_fits(member, parts[0]) for member in value if parts))
    return True


def _expected(stated: Any) -> str:
    origin, parts = get_origin(stated), get_args(stated)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_expected(part) for part in parts if part is not type(None)))
    if origin is Literal:
        return "one of " + ", ".join(_written(choice) for choice in parts)
    if inspect.isclass(origin):
        return "a table" if issubclass(origin, Mapping) else "a list"
    return WORDS.get(stated, getattr(stated, "__name__", str(stated)))


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value:.60}"' if isinstance(value, str) else f"{value!r:.60}"
