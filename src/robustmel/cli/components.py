"""`linkers` and `attacks`: what there is."""

from __future__ import annotations

import inspect
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robustmel.cli.options import attack_names, linker_names
from robustmel.errors import UsageError
from robustmel.plug_ins.process_settings import undisturbed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from robustmel.registry import Registry


def linkers(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A linker, FILE.py:Class or a model folder; shows its parameters and tests it.",
            autocompletion=linker_names,
        ),
    ] = None,
) -> None:
    """List the linkers, or test one, your own too."""
    from robustmel.linkers import LINKERS

    parameters = {}
    if name is not None and Path(name).is_dir():
        parameters = {"model": name}
        name = _family(name)
    lacking = [parameter for parameter in show(LINKERS, name) if parameter not in parameters]
    if name is None:
        return
    if _untested(LINKERS, name, lacking):
        return
    from robustmel.linkers.conformance import conformance, position_bias
    from robustmel.linkers.contract import capabilities

    with undisturbed():
        problems = conformance(name, **parameters)
    _tell(problems)
    able = capabilities(LINKERS.load(name), LINKERS.parameters(name, parameters))
    with undisturbed():
        drawn = position_bias(name, **parameters) if able.random else {}  # of any other it would be a problem
    shares = ", ".join(f"{task} {share:.0%}" for task, share in drawn.items()) or "none"
    print(f"position bias (first answers that change when the candidates are listed in reverse): {shares}")
    if able.no_gradient:
        print(f"gradients: none, because {able.no_gradient}")


def _family(folder: str) -> str:
    """The linker that reads the model in a folder."""
    from robustmel.linkers import LINKERS
    from robustmel.linkers.weights import model_type

    kind = model_type(Path(folder))
    for name, entry in LINKERS.own.items():
        if isinstance(entry, str) and kind in getattr(LINKERS.load(name), "model_types", ()):
            return name
    raise UsageError(f"{folder} holds a model of type {kind or 'unknown'}, which no linker reads.")


def _untested(registry: Registry, name: str, lacking: list[str]) -> bool:
    """Whether a class that looks sound cannot be tried, for want of values; says so."""
    untested = bool(lacking) and not list(registry.violations(registry.load(name)))
    if untested:
        print(f"\nconformance: not tested, because no {' and no '.join(lacking)} is given")
    return untested


def _tell(problems: list[str]) -> None:
    """What a conformance check found; ends with exit code 1 where that is anything."""
    print("\nconformance: " + (f"{len(problems)} problem{'s' * (len(problems) > 1)}" if problems else "no problems"))
    for problem in problems:
        print(f"  - {problem}")
    if problems:
        raise typer.Exit(1)


def attacks(
    name: Annotated[
        str | None,
        typer.Argument(
            help="An attack; shows its parameters and strengths. FILE.py:Class is also tested.", autocompletion=attack_names
        ),
    ] = None,
) -> None:
    """List the attacks, explain one, or test one of your own."""
    from robustmel.attacks import ATTACKS
    from robustmel.attacks.strengths import STRENGTHS

    if name is None:
        for heading, listed in _by_modality(ATTACKS).items():
            print(heading)
            _list(ATTACKS, listed)
        return
    lacking = show(ATTACKS, name)
    for (attack, strength), values in STRENGTHS.items():
        if attack == name:
            print(f"\nstrength {strength}: " + ", ".join(f"{key} = {_value(value)}" for key, value in values.items()))
    if name not in ATTACKS.own and not _untested(ATTACKS, name, lacking):
        from robustmel.attacks.conformance import conformance

        with undisturbed():
            problems = conformance(name)
        _tell(problems)
        print(f"to test its strength: robustmel selftest --attack {name}")


def defences(
    name: Annotated[str | None, typer.Argument(help="A defence or a detector; shows its parameters.")] = None,
) -> None:
    """List the defences and the detectors of poisoned records, or explain one."""
    from robustmel.defences import DEFENCES
    from robustmel.defences.detectors import DETECTORS

    if name is not None:
        show(DETECTORS if name in DETECTORS else DEFENCES, name)
        return
    show(DEFENCES, None)
    print("\nDetectors of poisoned training records:")
    show(DETECTORS, None)


def _by_modality(registry: Registry) -> dict[str, list[str]]:
    """Heading -> the attacks under it; of other packages nothing is imported, so they stand apart."""
    headings = {"image": "On images:", "text": "\nOn texts:", "knowledge": "\nOn pages of the knowledge base:"}
    grouped: dict[str, list[str]] = {heading: [] for heading in headings.values()}
    for name in registry:
        own = name in registry.own
        grouped.setdefault(headings[registry.load(name).modality] if own else "\nOf other packages:", []).append(name)
    return grouped


def _list(registry: Registry, names: Iterable[str]) -> None:
    for name in names:
        print(f"{name:<20}{_summary(registry, name, asked=False)}")


def show(registry: Registry, name: str | None) -> list[str]:
    """Prints the table, or one component with its parameters; returns the parameters that have no value."""
    if name is None:
        _list(registry, registry)
        return []
    values = _values(registry, name)
    print(f"{name}: {_summary(registry, name)}\n")
    for paragraph in _paragraphs(registry, name):
        print(f"{paragraph}\n")
    for parameter, value in values.items():
        print(f"  {parameter} = {_value(value)}")
    return [parameter for parameter, value in values.items() if value is inspect.Parameter.empty]


def _paragraphs(registry: Registry, name: str) -> list[str]:
    """What the docstring says between its first line and its sections; whose parameters it takes is seen in their list."""
    said = re.split(r"^\w+:$", inspect.getdoc(registry.load(name)) or "", flags=re.MULTILINE)[0].split("\n\n")[1:]
    prose = (
        re.sub(r"^Takes the parameters of `\w+`(\.|, and:)", "", " ".join(paragraph.split())).strip() for paragraph in said
    )
    return [textwrap.fill(paragraph, 100) for paragraph in prose if paragraph]


def _values(registry: Registry, name: str) -> dict[str, object]:
    from robustmel.registry import Preset, is_file_component, own_parameters

    preset = None if is_file_component(name) else registry[name]
    return own_parameters(registry.load(name)) | (dict(preset.params) if isinstance(preset, Preset) else {})


def _value(value: object) -> str:
    if value is inspect.Parameter.empty:
        return "(required)"
    if value is None:
        return "(not set)"
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


def _summary(registry: Registry, name: str, asked: bool = True) -> str:
    from robustmel.errors import RobustMELError
    from robustmel.registry import Preset, is_file_component

    entry = None if is_file_component(name) else registry[name]
    if isinstance(entry, Preset):
        return f"{entry.name} with " + ", ".join(f"{key} = {value!r}" for key, value in entry.params.items())
    if not asked and name not in registry.own:  # listing imports nothing of other packages
        return f"from {str(entry).partition(':')[0]}; give its name to see what it does"
    try:
        return (inspect.getdoc(registry.load(name)) or "(no docstring)").splitlines()[0]
    except RobustMELError as problem:
        return f"(cannot be loaded: {problem})"
