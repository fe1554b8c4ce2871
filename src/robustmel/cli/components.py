"""`datasets`, `linkers` and `attacks`: what there is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from robustmel.registry import Registry

Name = Annotated[str | None, typer.Argument(help="One of them, for its parameters.")]


def datasets(name: Name = None) -> None:
    """List the data sets, or explain one."""
    from robustmel.datasets import DATASETS

    _show(DATASETS, name)


def linkers(
    name: Annotated[
        str | None, typer.Argument(help="A linker, or path.py:Class: its parameters, and whether it conforms.")
    ] = None,
) -> None:
    """List the linkers, or check one (your own too) against the contract."""
    from robustmel.linkers import LINKERS

    _show(LINKERS, name)
    if name is not None:
        from robustmel.linkers.conformance import conformance

        problems = conformance(name)
        print("\nconformance: " + ("everything in order" if not problems else f"{len(problems)} problems"))
        for problem in problems:
            print(f"  - {problem}")
        if problems:
            raise typer.Exit(1)


def attacks(name: Name = None) -> None:
    """List the attacks, or explain one with its named strengths."""
    from robustmel.attacks import ATTACKS

    _show(ATTACKS, name)
    if name is not None:
        from robustmel.attacks.strengths import STRENGTHS

        for (attack, strength), values in STRENGTHS.items():
            if attack == name:
                print(
                    f"\nstrength {strength}: "
                    + ", ".join(
                        f"{key} = {value:.6g}" if isinstance(value, float) else f"{key} = {value}"
                        for key, value in values.items()
                    )
                )


def _show(registry: Registry, name: str | None) -> None:
    if name is None:
        for one in registry:
            print(f"{one:<16}{_first_line(registry, one)}")
        return
    print(f"{name}: {_first_line(registry, name)}\n")
    for parameter, value in registry.parameters(name, _required(registry, name)).items():
        print(f"  {parameter} = {value!r}")


def _required(registry: Registry, name: str) -> dict[str, object]:
    """Stand-ins for parameters without a default, so that they can be listed."""
    import inspect

    from robustmel.registry import Preset, is_file_component, own_parameters

    preset = None if is_file_component(name) else registry[name]
    given = set(preset.params) if isinstance(preset, Preset) else set()
    accepted = own_parameters(registry.load(name))
    return {key: Ellipsis for key, value in accepted.items() if value is inspect.Parameter.empty and key not in given}


def _first_line(registry: Registry, name: str) -> str:
    from robustmel.errors import RobustMELError

    try:
        return (registry.load(name).__doc__ or "").strip().splitlines()[0]
    except (RobustMELError, IndexError) as problem:
        print(f"{name}: {problem}", file=sys.stderr)
        return "(cannot be loaded)"
