"""Checks parameter values against the types that a component's constructor states."""

import inspect
import math
import types
import typing
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

WORDS = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: 'a number, such as 0.03 or "8/255"',
    Path: "a path",
    type(None): "nothing",
}


def with_numbers(component: type[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Given values, with text such as "8/255" made a number where the component states a number, or has one as default."""
    stated = {name: type(parameter.default) for name, parameter in inspect.signature(component).parameters.items()}
    stated |= _stated(component)
    return {
        name: _number(value)
        if isinstance(value, str) and _fits(1.0, stated.get(name)) and not _fits("", stated[name])
        else value
        for name, value in given.items()
    }


def fraction(written: str) -> Fraction:
    """A number as text, or one over another ("0.25/255"), of which `Fraction` itself reads no decimals.

    Raises:
        ArithmeticError: It is none, or is divided by zero.
    """
    top, slash, bottom = written.partition("/")
    return Fraction(Decimal(top)) / Fraction(Decimal(bottom)) if slash else Fraction(Decimal(top))


def _number(written: str) -> float | str:
    try:
        return float(fraction(written))
    except (ArithmeticError, ValueError):  # the latter: "nan"
        return written


def _stated(component: type[Any]) -> dict[str, Any]:
    """Parameter -> its type; none where names are used that only a type checker imports."""
    stated: dict[str, Any] = {}
    for source in (component, component.__init__):  # the class first: its inherited fields name types of other modules
        with suppress(NameError, TypeError):
            stated |= typing.get_type_hints(source)
    return stated


def wrong_values(component: type[Any], given: Mapping[str, Any]) -> list[str]:
    """What is wrong with given values, one clause a parameter: `batch_size = "x"; expected a whole number`.

    Only plain types are looked at (numbers, text, paths, lists, tables, choices); what else a signature states is left to the
    component, and so are the values of parameters it states no type for.
    """
    stated = _stated(component)
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
