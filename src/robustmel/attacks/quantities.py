"""Parameters as grids write them ("8/255"), and the ranges they must lie in.

Each check takes a parameter's name and the value given, and returns the value, or raises a UsageError that names both.
"""

import math
from collections.abc import Callable
from typing import Any

from robustmel.errors import UsageError
from robustmel.parameters import fraction
from robustmel.registry import suggestion

Check = Callable[[str, Any], Any]
"""A parameter's name and the value given -> the value; see above."""


def number(name: str, value: Any) -> float:
    """A finite, non-negative number, given as one or as a fraction in a string ("8/255", "0.25/255")."""
    try:
        if isinstance(value, bool):
            raise TypeError
        parsed = float(fraction(value)) if isinstance(value, str) else float(value)
    except (TypeError, ValueError, ArithmeticError):
        raise UsageError(f'{name} = {value!r} is not a number; write it as 0.03 or "8/255".') from None
    if not math.isfinite(parsed) or parsed < 0:
        raise UsageError(f"{name} = {value} must be a finite number, 0 or more.")
    return parsed


def pixel_length(name: str, value: Any) -> float:
    """A length in units of the pixel range [0, 1]."""
    parsed = number(name, value)
    if parsed > 1:
        meant = f"did you mean {parsed:g}/255?" if parsed <= 255 else 'pixels lie in [0, 1], so a usual value is "8/255".'
        raise UsageError(f"{name} = {parsed:g} is above 1; {meant}")
    return parsed


def radius(name: str, value: Any) -> float:
    """The largest change of a pixel: of 8-bit images a multiple of 1/255, so a value between two means the lower one."""
    parsed = pixel_length(name, value)
    levels = math.floor(parsed * 255 * (1 + 1e-9))
    if parsed > 0 and levels == 0:
        raise UsageError(
            f'{name} = {value} is below 1/255, the least by which a pixel of 8 bits can change; use "1/255" or more, or 0.'
        )
    return parsed if math.isclose(parsed, levels / 255, rel_tol=1e-9) else levels / 255


def above_zero(name: str, value: Any) -> float:
    """A number above zero."""
    parsed = number(name, value)
    if parsed == 0:
        raise UsageError(f"{name} = {value} must be above 0.")
    return parsed


def below_one(name: str, value: Any) -> float:
    """A number from 0 on that is below 1."""
    parsed = number(name, value)
    if parsed >= 1:
        raise UsageError(f"{name} = {parsed:g} must be below 1.")
    return parsed


def between_zero_and_one(name: str, value: Any) -> float:
    """A number above 0 and below 1."""
    return below_one(name, above_zero(name, value))


def proportion(name: str, value: Any) -> float:
    """A share of a whole: above 0, at most 1."""
    parsed = above_zero(name, value)
    if parsed > 1:
        raise UsageError(f"{name} = {parsed:g} is above 1, but it is a share; 1 stands for all.")
    return parsed


def whole(name: str, value: Any, least: int = 0) -> int:
    """A whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"{name} = {value!r} must be a whole number, at least {least}.")
    return value


def at_least_one(name: str, value: Any) -> int:
    """A whole number of at least 1."""
    return whole(name, value, least=1)


def yes_or_no(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise UsageError(f"{name} = {value!r} must be true or false.")
    return value


def one_of(name: str, value: Any, *choices: str) -> str:
    """One of some names."""
    if value not in choices:
        raise UsageError(f'unknown {name} "{value}". {suggestion(str(value), dict.fromkeys(choices))}')
    return str(value)


def as_budget(length: float) -> str:
    """A pixel length as tables print it: "8/255", "0.2"."""
    short = f"{length:.3g}"
    return short if math.isclose(float(short), length, rel_tol=1e-9) else f"{length * 255:.4g}/255"
