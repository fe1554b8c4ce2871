"""From a component as the user named it to all that decides its behaviour; what is wrong with it is noted, not raised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from robustmel.attacks import ATTACKS
from robustmel.attacks.contract import misdeclared, remarks
from robustmel.attacks.strengths import settings
from robustmel.defences import DEFENCES
from robustmel.errors import MissingError, RobustMELError, UsageError
from robustmel.images import file_digest
from robustmel.linkers import LINKERS
from robustmel.linkers.contract import Capabilities, capabilities, lacks
from robustmel.registry import Component, Registry, is_file_component
from robustmel.run.grid import AttackSpec
from robustmel.run.keys import canonical, files_digest, library_releases, plain
from robustmel.types import TASKS, Task

LOCATIONS = (
    "model", "revision", "allow_pickle", "folder", "vectors", "encoder", "tagger", "word_list", "demo_file", "vision", "language_model",
    "demo_encoder", "features", "text_index",
)  # fmt: skip
"""Parameters that say where a component's files lie; the digests of these files stand for them in keys."""


@dataclass(frozen=True)
class ComponentSpec:
    """A component with all that decides its behaviour.

    Args:
        component: As the user named it.
        parameters: All of them, defaults included.
        identity: What enters the keys: name, parameters, version, digests of its files.
        loaded: Its class; of an attack the attack itself, which is a value. For planning alone: it does not travel to workers.
        training: The job that makes its weights, for a linker that the grid trains.
        demos: The job that poisons its demonstrations, where they are poisoned.
        capabilities: Of a linker: what it offers with these parameters.
        upon: Of an attack: the one on whose set it is made.
        notes: What the report must say of it.
    """

    component: Component
    parameters: dict[str, Any] = field(hash=False)
    identity: dict[str, Any] = field(hash=False)
    loaded: Any = field(default=None, compare=False)
    training: Any = None
    demos: Any = None
    capabilities: Capabilities | None = field(default=None, compare=False)
    upon: ComponentSpec | None = None
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Its name in tables."""
        return self.component.title

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"loaded": None}  # a class from a user's file cannot be pickled; workers load it by its name

    def loaded_from(self, registry: Registry) -> Any:
        """Its class, in a worker too."""
        return self.loaded if self.loaded is not None else registry.load(self.component.name)

    @property
    def random(self) -> bool:
        """Whether it draws, so that a seed matters to it."""
        return bool(self.identity["random"])


@dataclass(frozen=True)
class Defended:
    """A linker together with its defence: what is judged, and what an attack may ask.

    Args:
        linker: The linker.
        defence: What stands in front of it, "none" included.
        label: What tables call it as a source; "" means the linker's title.
    """

    linker: ComponentSpec
    defence: ComponentSpec
    label: str = ""

    @property
    def title(self) -> str:
        """The label, or the linker's title."""
        return self.label or self.linker.title

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What of it enters a key; how the linker reads sentences for candidates too, where its defence gives it any."""
        identity = {"linker": self.linker.identity, "defence": self.defence.identity}
        given = getattr(self.defence.loaded_from(DEFENCES), "gives_labels", False)
        version = getattr(self.linker.loaded_from(LINKERS), "labels_version", None) if given else None
        return identity | ({} if version is None else {"labels": version})

    @property
    def undefended(self) -> bool:
        """Whether it is the linker as the grid names it, with no defence by any means."""
        return self.defence.component.name == "none"

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What it answers; all where its defence does not say."""
        return self.capabilities.tasks if hasattr(self.defence.loaded, "capabilities") else TASKS

    @property
    def random(self) -> bool:
        """Whether its answers depend on a seed."""
        own = self.linker.random or self.defence.random
        return own or (hasattr(self.defence.loaded_from(DEFENCES), "capabilities") and self.capabilities.random)

    @cached_property
    def capabilities(self) -> Capabilities:
        """What the two together can do, from their classes and parameters: nothing is built."""
        offered = self.linker.capabilities or capabilities(self.linker.loaded_from(LINKERS))
        defence = self.defence.loaded_from(DEFENCES)
        changed: Any = defence.capabilities(offered, **self.defence.parameters)
        if not isinstance(changed, Capabilities):
            raise UsageError(
                f"defence {self.defence.title}: capabilities must return Capabilities, not {type(changed).__name__}."
            )
        return changed


@dataclass(frozen=True)
class Ensemble:
    """Several linkers attacked at once, by the average of their log-probabilities.

    Args:
        members: In any order; the artefact is the same.
        label: What tables call it; "" means that its members are named.
    """

    members: tuple[Defended, ...]
    label: str = ""
    version: ClassVar[int] = 1

    @property
    def names(self) -> str:
        """`clip-world + siglip-world`."""
        return " + ".join(member.title for member in self.members)

    @property
    def title(self) -> str:
        """The label, or the members' names."""
        return self.label or self.names

    @property
    def ordered(self) -> tuple[Defended, ...]:
        """The members in an order of their own, so that sums are the same to the last bit however a grid lists them."""
        return tuple(sorted(self.members, key=lambda member: canonical(member.identity)))

    @property
    def identity(self) -> dict[str, Any]:
        """What of it enters a key."""
        return {"ensemble": [member.identity for member in self.ordered], "version": self.version}

    @property
    def random(self) -> bool:
        """Whether the answers of any member depend on a seed."""
        return any(member.random for member in self.members)


Source = Defended | Ensemble


def component_spec(
    registry: Registry, component: Component, problems: list[str], trained: bool = False
) -> ComponentSpec | None:
    """A component's parameters and identity, or None with a problem noted; `trained` asks for no model, since one is to be made."""
    if component.instance is not None and component.name not in registry and not is_file_component(component.name):
        return _of_an_instance(component)
    try:
        loaded = registry.load(component.name)
        parameters = registry.parameters(component.name, {**component.params, **({"model": ""} if trained else {})})
        digests = files_digest(loaded.assets(**parameters)) if hasattr(loaded, "assets") and not trained else {}
    except UsageError as problem:
        problems.append(str(problem).rstrip("."))
        return None
    except KeyError as problem:
        problems.append(f"{component.title}: {lacks(problem)}")
        return None
    except (TypeError, ValueError, AttributeError) as problem:
        problems.append(f"{component.title}: a parameter has a wrong value ({problem})")
        return None
    offered = None
    if registry is LINKERS:
        try:
            offered = capabilities(component.instance) if component.instance is not None else capabilities(loaded, parameters)
        except UsageError as problem:
            problems.append(f"linker {component.title}: {str(problem).rstrip('.')}")
            return None
    source = file_digest(Path(component.name.rpartition(":")[0])) if is_file_component(component.name) else ""
    entering_keys = identity(registry.base(component.name), parameters, loaded, digests, source)
    return ComponentSpec(component, parameters, entering_keys, loaded, capabilities=offered)


def _of_an_instance(component: Component) -> ComponentSpec:
    """An object from a script: nothing says what decides its answers, so its key is its own for as long as it lives."""
    loaded = type(component.instance)
    entering_keys = identity(loaded.__name__, {}, loaded, {}) | {"instance": f"{id(component.instance):x}"}
    return ComponentSpec(component, {}, entering_keys, loaded, capabilities=capabilities(component.instance))


def attack_spec(spec: AttackSpec, problems: list[str]) -> ComponentSpec | None:
    """An attack with the parameters of its named strength under those given, and what it is made upon."""
    if spec.before is not None:
        made, upon = attack_spec(replace(spec, upon=None), problems), attack_spec(spec.before, problems)
        if made is not None and upon is not None and made.loaded.needs == "nothing" != upon.loaded.needs:
            problems.append(
                f"attack {spec.title}: the one that asks no linker must be made first; make {spec.before.title} upon it"
            )
        return None if made is None or upon is None else replace(made, upon=upon, notes=(*made.notes, *upon.notes))
    try:
        if spec.attack.instance is not None:
            return _of_a_value(spec.attack)
        defaults = (
            settings(spec.attack.name, spec.strength or None, spec.profile or None) if spec.strength or spec.profile else {}
        )
        if spec.source != "victim" and "on_failure" in ATTACKS.parameters(spec.attack.name):
            defaults = {"on_failure": "last", **defaults}  # what fails on its source may still fool the others
        component = Component(spec.attack.name, {**defaults, **spec.attack.params}, spec.attack.label)
        made = component_spec(ATTACKS, component, problems)
        if made is not None:
            declared = ATTACKS.load(component.name)(**made.parameters)  # which checks the values, and makes "8/255" a number
            attack = getattr(declared, "for_eight_bits", declared)
            for fault in misdeclared(attack):
                raise UsageError(fault)
            parameters = {name: getattr(attack, name, value) for name, value in made.parameters.items()}
            digests, source = made.identity["digests"], made.identity.get("source", "")
            entering_keys = identity(made.identity["name"], parameters, attack, digests, source)
            made = ComponentSpec(component, parameters, entering_keys, attack, notes=remarks(declared, attack))
    except MissingError:
        raise
    except (RobustMELError, TypeError) as problem:
        problems.append(f"attack {spec.title}: {str(problem).rstrip('.')}")
        return None
    return made


def _of_a_value(component: Component) -> ComponentSpec:
    """An attack from a script: its class and fields say all of it, so it has the key it would have in a grid."""
    attack = getattr(component.instance, "for_eight_bits", component.instance)
    place = f"{type(attack).__module__}:{type(attack).__qualname__}"
    name = next((name for name, entry in ATTACKS.items() if entry == place), component.name)
    parameters = {option.name: getattr(attack, option.name) for option in fields(attack)}
    digests = files_digest(attack.assets(**parameters)) if hasattr(attack, "assets") else {}
    known, notes = identity(name, parameters, attack, digests), remarks(component.instance, attack)
    return ComponentSpec(replace(component, instance=attack), parameters, known, attack, notes=notes)


def identity(
    name: str, parameters: Mapping[str, Any], component: Any, digests: dict[str, str], source: str = ""
) -> dict[str, Any]:
    """What of a component enters a key.

    Not where it runs, how large its batches are, what it calls `unkeyed`, nor where its weights lie, since their digests stand for them;
    but the versions of components that it holds by name, which it tells by `inside(**parameters)`.

    Args:
        name: As registered, presets resolved.
        parameters: All of them.
        component: The class, or an object of it where its parameters decide whether it draws.
        digests: Of the files behind it, its assets.
        source: Digest of the file that holds the class, for one of the user's own.
    """
    left_out = {"device", "batch_size", *getattr(component, "unkeyed", ()), *(LOCATIONS if digests else ())}
    decisive = {key: value for key, value in parameters.items() if key not in left_out}
    facts = {"name": name, "parameters": plain(decisive), "version": getattr(component, "version", 1), "digests": digests}
    facts["random"] = bool(getattr(component, "random", False))
    if hasattr(component, "assets") and not hasattr(component, "modality"):  # the files of an attack are no model's
        facts["libraries"] = library_releases()
    inside = component.inside(**parameters) if hasattr(component, "inside") else {}
    facts |= {"inside": inside} if inside else {}
    return facts | ({"source": source} if source else {})


def attempt(build: Callable[[], object], what: str, problems: list[str]) -> None:
    """Notes what is wrong with the values of a component, which only its own checks know."""
    try:
        build()
    except MissingError:
        raise
    except (RobustMELError, TypeError, ValueError, AttributeError) as problem:
        problems.append(f"{what}: {str(problem).rstrip('.')}")
