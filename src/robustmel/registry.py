"""Names of components, turned into classes only when one is asked for."""

import dataclasses
import difflib
import importlib
import importlib.metadata
import importlib.util
import inspect
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from robustmel.errors import MissingError, UsageError
from robustmel.parameters import with_numbers, wrong_values
from robustmel.plug_ins.exceptions import PLUGINS
from robustmel.plug_ins.import_limit import limited
from robustmel.plug_ins.process_settings import undisturbed


@dataclass(frozen=True)
class Component:
    """A name from a registry with the parameters the user gave.

    Args:
        name: As registered, or `path.py:Class`.
        params: Only those given; the registry fills in the rest.
        label: What tables call it; "" means that it is made from the name.
        instance: The thing itself, where a script hands over an object instead of a name.
    """

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""
    instance: Any = field(default=None, compare=False, repr=False)

    @property
    def title(self) -> str:
        """The label, or the name (of a component in a file: the class)."""
        return self.label or self.name.rpartition(":")[2]

    @property
    def table(self) -> dict[str, Any]:
        """As a grid writes it: name, parameters, and a label if there is one."""
        return {"name": self.name, **self.params} | ({"label": self.label} if self.label else {})

    @property
    def written(self) -> str:
        """Name and parameters as one text, for tables of what was loaded; an object from a script is its own."""
        of = sorted((name, repr(value)) for name, value in self.params.items())
        return repr((self.name, of, id(self.instance) if self.instance is not None else None))


def as_toml(value: Any) -> str:
    """A value on one line, as grids and the command line write it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {as_toml(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare else json.dumps(key, ensure_ascii=False)


@dataclass(frozen=True)
class Preset:
    """A name for another component with some of its parameters set (`clip-world` is `clip` with the embedded weights)."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)


class Registry(Mapping[str, "str | Preset"]):
    """A table of component names; iterating gives the names, `create` gives a component.

    Args:
        kind: What the components are ("attack"), for messages.
        entries: Name -> "module:attribute", or a `Preset`.
        entry_points: Entry-point group under which other packages offer more; they are imported when asked for by name, not before.
        violations: What a class of another's lacks of the contract, one sentence each; asked of those outside the table.

    A name may also be `path/to/file.py:Class`: a component in a file of the user's own. `own` is the table without entry points.
    """

    def __init__(
        self,
        kind: str,
        entries: Mapping[str, str | Preset],
        entry_points: str | None = None,
        violations: Callable[[type[Any]], Iterable[str]] = lambda component: (),
    ) -> None:
        self.kind = kind
        self.own = dict(entries)
        self._group = entry_points
        self.violations = violations

    @cached_property
    def _all(self) -> dict[str, str | Preset]:
        """The table and what other packages add to it, looked up once: a look through all packages takes its time."""
        plugins = importlib.metadata.entry_points(group=self._group) if self._group else ()
        return {point.name: point.value for point in plugins} | self.own

    def __getitem__(self, name: str) -> str | Preset:
        try:
            return self._all[name]
        except KeyError:
            raise UsageError(self._unknown(name)) from None

    def __contains__(self, name: object) -> bool:
        return name in self._all

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def load(self, name: str) -> type[Any]:
        """The class behind a name.

        Raises:
            UsageError: The name is unknown.
            MissingError: The module or file behind it cannot be imported, or does not end its import.
        """
        if is_file_component(name):
            return load_file_component(name)
        entry = self[name]
        if isinstance(entry, Preset):
            return self.load(entry.name)
        module, _, attribute = entry.partition(":")
        if name not in self.own:
            PLUGINS.add(module.partition(".")[0])
        try:
            with nullcontext() if name in self.own else limited(), undisturbed():
                loaded: type[Any] = getattr(importlib.import_module(module), attribute)
        except KeyboardInterrupt:
            raise
        except BaseException as problem:  # a third party's import may raise anything
            why = f"{type(problem).__name__}: {problem}"
            raise MissingError(f"{self.kind} {name} cannot be imported from {entry}: {why}.") from problem
        return loaded

    def parameters(self, name: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """All parameters of a component: those given, the preset's, and the defaults of the rest.

        Raises:
            UsageError: A given parameter does not exist or has a value of another type, or a required one is absent; or the class, of
                another's, does not keep the contract.
        """
        given = dict(given or {})
        entry = None if is_file_component(name) else self[name]
        if isinstance(entry, Preset):
            return self.parameters(entry.name, {**entry.params, **given})
        component = self.load(name)
        if name not in self.own and (lacking := list(self.violations(component))):
            raise UsageError(f"{self.kind} {name}: {' '.join(lacking)}")
        accepted = own_parameters(component)
        for unknown in given.keys() - accepted.keys():
            raise UsageError(f'{self.kind} {name} has no parameter "{unknown}". {suggestion(unknown, accepted)}')
        for required in (key for key, value in accepted.items() if value is inspect.Parameter.empty and key not in given):
            raise UsageError(
                f'{self.kind} {name} needs the parameter "{required}"; add it: {{name = "{name}", {required} = ...}}.'
            )
        given = with_numbers(component, given)
        of_attack = self.kind == "attack" and name in self.own  # these say more of a wrong value themselves
        if not of_attack and (wrong := wrong_values(component, given)):
            raise UsageError(f"{self.kind} {name}: {'; '.join(wrong)}.")
        return {key: given.get(key, default) for key, default in accepted.items()}

    def create(self, name: str, /, *args: Any, **given: Any) -> Any:
        """A component by name; `args` are what the stage supplies (a linker gets the knowledge base)."""
        return self.load(name)(*args, **self.parameters(name, given))

    def base(self, name: str) -> str:
        """The name behind a preset; of a component in a file its class, wherever the file lies. It enters content keys."""
        if is_file_component(name):
            return name.rpartition(":")[2]
        entry = self[name]
        return self.base(entry.name) if isinstance(entry, Preset) else name

    def _unknown(self, name: str) -> str:
        return f'unknown {self.kind} "{name}". {suggestion(name, self)}'


def suggestion(name: str, names: Mapping[str, Any]) -> str:
    """Either "Did you mean ...?" where something is close, or the list of what there is."""
    close = difflib.get_close_matches(name, names, n=1)
    return f'Did you mean "{close[0]}"?' if close else "Known: " + (", ".join(sorted(names)) or "none") + "."


def own_parameters(component: type[Any]) -> dict[str, Any]:
    """Parameters a user may set, with their defaults: the constructor's, less positional-only ones (the stage's own)."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    stated = inspect.signature(component).parameters
    defaults = {name: parameter.default for name, parameter in stated.items() if parameter.kind in kinds}
    if dataclasses.is_dataclass(component):  # a signature shows no value for a default that is made anew each time
        factories = {part.name: part.default_factory for part in dataclasses.fields(component)}
        defaults |= {name: make() for name, make in factories.items() if make is not dataclasses.MISSING and name in defaults}
    return defaults


def is_file_component(name: str) -> bool:
    """Whether a name is `path.py:Class`."""
    path, separator, attribute = name.rpartition(":")
    return bool(separator) and path.endswith(".py") and attribute.isidentifier()


def load_file_component(name: str) -> type[Any]:
    """Imports `path.py:Class` without touching `sys.path`.

    Raises:
        MissingError: The file is absent, does not import, or has no such class.
    """
    path, _, attribute = name.rpartition(":")
    file = Path(path).resolve()
    if not file.is_file():
        raise MissingError(
            f"no file {path}; a component of your own is named path/to/file.py:Class, relative to the working directory."
        )
    module = _module(file, file.stat().st_mtime_ns)
    if not hasattr(module, attribute):
        raise MissingError(f"{path} has no class {attribute}.")
    loaded: type[Any] = getattr(module, attribute)
    return loaded


@lru_cache
def _module(file: Path, modified: int) -> Any:
    """A file as a module, run once for each state it is in: classes made by it must stay the same classes."""
    spec = importlib.util.spec_from_file_location(f"robustmel_plugin_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    if not file.is_relative_to(Path(__file__).resolve().parent):
        PLUGINS.add(spec.name)
    try:
        with limited(), undisturbed():
            spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # a user's file may raise anything
        raise MissingError(f"{file} does not import: {type(problem).__name__}: {problem}") from problem
    return module


def lacking(*methods: str) -> Callable[[type[Any]], Iterable[str]]:
    """For `Registry`: which of some methods a class does not have."""
    return lambda component: (f"it has no method {name}." for name in methods if not callable(getattr(component, name, None)))
