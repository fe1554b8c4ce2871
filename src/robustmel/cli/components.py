"""`linkers` and `attacks`: what there is."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robustmel.cli.options import attack_names, linker_names
from robustmel.errors import UsageError

if TYPE_CHECKING:
    from robustmel.registry import Registry


def linkers(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A linker, FILE.py:Class, or the folder of a model: its parameters, and whether it works.",
            autocompletion=linker_names,
        ),
    ] = None,
) -> None:
    """List the linkers, or test one, your own too."""
    from robustmel.linkers import LINKERS

    given = {}
    if name is not None and Path(name).is_dir():
        given = {"model": name}
        name = _family(name)
    if lacking := [parameter for parameter in show(LINKERS, name) if parameter not in given]:
        print(f"\nconformance: not tested, because no {' and no '.join(lacking)} is given")
    elif name is not None:
        from robustmel.linkers.conformance import conformance
        from robustmel.linkers.contract import capabilities

        problems = conformance(name, **given)
        print("\nconformance: " + (f"{len(problems)} problems" if problems else "no problems"))
        for problem in problems:
            print(f"  - {problem}")
        if problems:
            raise typer.Exit(1)
        if why := capabilities(LINKERS.load(name), LINKERS.parameters(name, given)).no_gradient:
            print(f"gradients: none, because {why}")


def _family(folder: str) -> str:
    """The linker that reads the model in a folder."""
    from robustmel.linkers import LINKERS
    from robustmel.linkers.weights import model_type

    kind = model_type(Path(folder))
    for name, entry in LINKERS.items():
        if isinstance(entry, str) and kind in getattr(LINKERS.load(name), "model_types", ()):
            return name
    raise UsageError(f"{folder} holds a model of type {kind or 'unknown'}, which no linker reads.")


def attacks(
    name: Annotated[str | None, typer.Argument(help="An attack, for its parameters.", autocompletion=attack_names)] = None,
) -> None:
    """List the attacks, or explain one with its named strengths."""
    from robustmel.attacks import ATTACKS

    show(ATTACKS, name)
    if name is not None:
        from robustmel.attacks.strengths import STRENGTHS

        for (attack, strength), values in STRENGTHS.items():
            if attack == name:
                print(f"\nstrength {strength}: " + ", ".join(f"{key} = {_value(value)}" for key, value in values.items()))


def show(registry: Registry, name: str | None) -> list[str]:
    """Prints the table, or one component with its parameters; returns the parameters that have no value."""
    if name is None:
        for listed in registry:
            print(f"{listed:<20}{_summary(registry, listed)}")
        return []
    values = _values(registry, name)
    print(f"{name}: {_summary(registry, name)}\n")
    for parameter, value in values.items():
        print(f"  {parameter} = {_value(value)}")
    return [parameter for parameter, value in values.items() if value is inspect.Parameter.empty]


def _values(registry: Registry, name: str) -> dict[str, object]:
    from robustmel.registry import Preset, is_file_component, own_parameters

    preset = None if is_file_component(name) else registry[name]
    return own_parameters(registry.load(name)) | (dict(preset.params) if isinstance(preset, Preset) else {})


def _value(value: object) -> str:
    if value is inspect.Parameter.empty:
        return "(required)"
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


def _summary(registry: Registry, name: str) -> str:
    from robustmel.errors import RobustMELError
    from robustmel.registry import Preset, is_file_component

    entry = None if is_file_component(name) else registry[name]
    if isinstance(entry, Preset):
        return f"{entry.name} with " + ", ".join(f"{key} = {value!r}" for key, value in entry.params.items())
    try:
        return (inspect.getdoc(registry.load(name)) or "(no docstring)").splitlines()[0]
    except RobustMELError as problem:
        return f"(cannot be loaded: {problem})"
