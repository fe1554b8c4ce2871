"""The table of flags: `flags.jsonl` holds one a line, as what is painted in which order."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from typing import Any

from robustmel.world.flags import cantons, counterchanges, crescents, crosses, discs, figures, shields, stars, stripes
from robustmel.world.flags.canvas import Layer
from robustmel.world.flags.flag import FlagDesign

_MODULES = (cantons, counterchanges, crescents, crosses, discs, figures, shields, stars, stripes)
LAYERS: dict[str, Callable[..., Layer]] = {
    name: value
    for module in _MODULES
    for name, value in vars(module).items()
    if callable(value) and not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
}
"""Name in the table -> what gives such a layer."""


def read_flags() -> dict[str, FlagDesign]:
    """Entity id -> its flag, in the table's order.

    A layer is a list: its name, its arguments, and last an object with those given by name. An argument may be a layer itself, or
    the name of an outline in `figures`, in capitals.
    """
    lines = (resources.files("robustmel.world.flags") / "flags.jsonl").read_text("utf-8").splitlines()
    designs = {}
    for row in map(json.loads, lines):
        outline = None if row.get("outline") is None else _argument(row["outline"])
        designs[row["flag"]] = FlagDesign(row["ratio"], tuple(map(_argument, row["layers"])), outline)
    return designs


def _argument(value: Any) -> Any:
    if isinstance(value, str):
        return getattr(figures, value) if value.isidentifier() and value.isupper() else value
    if not isinstance(value, list):
        return value
    if not value or not isinstance(value[0], str) or value[0] not in LAYERS:
        return tuple(map(_argument, value))
    name, *arguments = value
    named = arguments.pop() if arguments and isinstance(arguments[-1], dict) else {}
    return LAYERS[name](*map(_argument, arguments), **{key: _argument(part) for key, part in named.items()})
