"""RobustMEL: how robust is a multimodal entity linker, and what makes it more robust?

    import robustmel as rm

    data = rm.load_dataset("world-news", split="test")
    linker = rm.load_linker("clip-world", data.kb)
    result = rm.attack(linker, data[:8], "pgd", strength="normal")

Every attack is there under its class's name (`rm.PGD(eps=8 / 255)`). Nothing is imported before it is asked for.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from robustmel.version import __version__ as __version__

if TYPE_CHECKING:
    from robustmel.api import attack, link, load_dataset, load_linker, report, run, score

__all__ = ["attack", "link", "load_dataset", "load_linker", "report", "run", "score"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("robustmel.api"), name)
    if name[:1].isupper():  # an attack, by its class
        from robustmel.attacks import ATTACKS

        place = next((entry for entry in ATTACKS.values() if isinstance(entry, str) and entry.endswith(f":{name}")), None)
        if place is not None:
            module, _, attribute = place.partition(":")
            return getattr(import_module(module), attribute)
    raise AttributeError(f"module {__name__} has no attribute {name}")


def __dir__() -> list[str]:
    from robustmel.attacks import ATTACKS

    return sorted([*globals(), *__all__, *(str(entry).rpartition(":")[2] for entry in ATTACKS.values())])


class _CallableFolder(ModuleType):
    """A folder whose name is a function of the API too (`run`, `report`): calling it calls that."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        return getattr(import_module("robustmel.api"), self.__name__.rpartition(".")[2])(*args, **options)


class _Package(ModuleType):
    """This package: an import of `robustmel.run` sets its attribute `run`, which must stay callable."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in __all__ and isinstance(value, ModuleType):
            value.__class__ = _CallableFolder
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
