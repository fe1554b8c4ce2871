"""From a component as the user named it to all that decides its behaviour; what is wrong with it is noted, not raised."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from robustmel.attacks import ATTACKS
from robustmel.attacks.strengths import settings
from robustmel.errors import MissingError, RobustMELError, UsageError
from robustmel.registry import Component, Registry, is_file_component
from robustmel.run.grid import AttackSpec
from robustmel.run.jobs import ComponentSpec, identity
from robustmel.run.keys import file_digest, files_digest


def component_spec(registry: Registry, component: Component, problems: list[str]) -> ComponentSpec | None:
    """A component's parameters and identity, or None with a problem noted."""
    try:
        loaded = registry.load(component.name)
        parameters = registry.parameters(component.name, component.params)
        digests = files_digest(loaded.assets(**parameters)) if hasattr(loaded, "assets") else {}
    except UsageError as problem:
        problems.append(str(problem).rstrip("."))
        return None
    except (TypeError, ValueError, AttributeError) as problem:
        problems.append(f"{component.title}: a parameter has a wrong value ({problem})")
        return None
    source = file_digest(Path(component.name.rpartition(":")[0])) if is_file_component(component.name) else ""
    return ComponentSpec(component, parameters, identity(registry.base(component.name), parameters, loaded, digests, source))


def attack_spec(spec: AttackSpec, problems: list[str]) -> ComponentSpec | None:
    """An attack with the parameters of its named strength under those given."""
    try:
        named = settings(spec.attack.name, spec.strength or None, spec.profile or None) if spec.strength or spec.profile else {}
        if spec.source != "victim" and "on_failure" in ATTACKS.parameters(spec.attack.name):
            named = {"on_failure": "last", **named}  # what fails on its source may still fool the others
        component = Component(spec.attack.name, {**named, **spec.attack.params}, spec.attack.label)
        made = component_spec(ATTACKS, component, problems)
        if made is not None:
            attack = ATTACKS.load(component.name)(**made.parameters)  # which checks the values, and makes "8/255" a number
            parameters = {name: getattr(attack, name, value) for name, value in made.parameters.items()}
            digests, source = made.identity["digests"], made.identity.get("source", "")
            known = identity(made.identity["name"], parameters, type(attack), digests, source)
            made = ComponentSpec(component, parameters, known | {"random": bool(getattr(attack, "random", False))})
    except MissingError:
        raise
    except (RobustMELError, TypeError) as problem:
        problems.append(f"attack {spec.title}: {str(problem).rstrip('.')}")
        return None
    return made


def attempt(build: Callable[[], object], what: str, problems: list[str]) -> None:
    """Notes what is wrong with the values of a component, which only its own checks know."""
    try:
        build()
    except MissingError:
        raise
    except (RobustMELError, TypeError, ValueError, AttributeError) as problem:
        problems.append(f"{what}: {str(problem).rstrip('.')}")
