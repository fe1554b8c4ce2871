"""Stand-ins for packages that a peer imports and the work compared never calls."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from unittest.mock import MagicMock

OF_TEXTATTACK = {
    "flair": ("data", "models", "datasets"),
    "bert_score": (),
    "language_tool_python": (),
    "OpenHowNet": (),
}
"""Package -> its modules that are imported: a tagger, a similarity, a grammar checker and a dictionary."""


class _Module(MagicMock):
    __path__: list[str] = []  # noqa: RUF012 - what makes a module a package


def stub(packages: dict[str, tuple[str, ...]]) -> list[str]:
    """Puts stand-ins for those packages that are absent, and names them."""
    absent = [name for name in packages if name not in sys.modules and importlib.util.find_spec(name) is None]
    for name in absent:
        for module in (name, *(f"{name}.{part}" for part in packages[name])):
            sys.modules[module] = _Module(__spec__=ModuleSpec(module, None), __name__=module)
    return absent
