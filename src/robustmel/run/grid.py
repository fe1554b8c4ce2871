"""The grid file: lists are axes, a table is a component with parameters, and nothing else.

Read here, at the edge; inside the package a grid is a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from robustmel.errors import MissingError, UsageError
from robustmel.records.toml_text import bounded_text, toml_table
from robustmel.registry import Component, suggestion
from robustmel.run.adaptive import NAME as ADAPTIVE
from robustmel.run.adaptive import describers, members
from robustmel.run.grid_file import RESERVED, AttackTable, AttackView, GridTable, Keep, complaints
from robustmel.run.poison_spec import PoisonSpec, poison_spec
from robustmel.types import Task


@dataclass(frozen=True)
class AttackSpec:
    """An attack and how it is aimed.

    Args:
        attack: Which attack, with its own parameters.
        strength: "normal", "strong", or "" for the parameters alone.
        profile: A named reading of the paper's settings ("paper"), or "".
        source: Whose scores are differentiated: "victim"; the label of a linker; several labels, an ensemble attacked at once;
            "each", every linker of the grid that has gradients, one set a source; "others", for every victim the ensemble of
            all others of the grid that have.
        source_defence: What the source is behind: "" leaves the victim as it stands, its defence included (an adaptive attack), and
            any other source without one; else "none", "victim" (the victim's own), or a defence of the grid by its title.
        view: "image" attacks the I2T score, "fused" the IT2T score, "text" the T2T score; "auto" does what the task calls for.
        logits: "cosine" attacks the scores as they are, "scaled" after the linker's learnt temperature.
        max_side: Longer images are scaled down to this many pixels before the attack.
        eot: Fresh draws of a source that draws, over which the scores are averaged at each question; 1 keeps to the draws of its seed.
        upon: The attack on whose set this one is made, aimed like it; what both overwrite
            is made anew from the clean set.
    """

    attack: Component
    strength: str = ""
    profile: str = ""
    source: str | tuple[str, ...] = "victim"
    source_defence: str = ""
    view: AttackView = "auto"
    logits: Literal["cosine", "scaled"] = "cosine"
    max_side: int = 512
    eot: int = 1
    upon: AttackSpec | None = None

    @property
    def title(self) -> str:
        """`pgd-strong`, or the label given; a strength with other parameters beside it says which; `pgd upon qwerty`."""
        if self.attack.label:
            return self.attack.label
        if self.upon is not None:
            return f"{replace(self, upon=None).title} upon {self.upon.title}"
        named = "-".join(part for part in (self.attack.title, self.strength, self.profile) if part)
        changed = ", ".join(f"{key}={value}" for key, value in self.attack.params.items())
        return f"{named} ({changed})" if changed and self.strength else named

    @property
    def before(self) -> AttackSpec | None:
        """The attack that this one is made upon, aimed as this one is."""
        before = self.upon
        return before and replace(
            self, attack=before.attack, strength=before.strength, profile=before.profile, upon=before.upon
        )


@dataclass(frozen=True)
class TrainingSpec:
    """How a linker of the grid gets its weights.

    Args:
        recipe: A packaged recipe's name, the path of a recipe file, or the recipe itself.
        on: The data sets whose training mentions it learns from.
    """

    recipe: str | Mapping[str, Any]
    on: tuple[Component, ...]


@dataclass(frozen=True)
class Grid:
    """What to run: every combination of the axes. `trained` says by title which linkers are trained first."""

    datasets: tuple[Component, ...]
    linkers: tuple[Component, ...]
    tasks: tuple[Task, ...] = ("I2T", "IT2T")
    attacks: tuple[AttackSpec, ...] = (AttackSpec(Component("clean")),)
    defences: tuple[Component, ...] = (Component("none"),)
    candidates: Component = Component("given")
    split: str = "test"
    seeds: tuple[int, ...] = (0,)
    sample_seed: int = 0
    limit: int | None = None
    batch_size: int = 32
    keep: Keep = "all"
    trained: Mapping[str, TrainingSpec] = field(default_factory=dict)
    poisons: tuple[PoisonSpec, ...] = (PoisonSpec(Component("none")),)

    @property
    def named(self) -> Grid:
        """The same grid by names alone, the objects of a script left out."""

        def by_name(components: tuple[Component, ...]) -> tuple[Component, ...]:
            return tuple(replace(component, instance=None) for component in components)

        attacks = tuple(replace(spec, attack=replace(spec.attack, instance=None)) for spec in self.attacks)
        linkers, defences = by_name(self.linkers), by_name(self.defences)
        return replace(self, datasets=by_name(self.datasets), linkers=linkers, defences=defences, attacks=attacks)


def read_grid(path: Path) -> Grid:
    """Reads and validates a grid file.

    Raises:
        MissingError: There is no such file.
        UsageError: It is no TOML, or not a grid; all complaints at once.
    """
    try:
        text = bounded_text(path)
    except FileNotFoundError:
        raise MissingError(f"no grid file {path}. `robustmel init` writes one to start from.") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise MissingError(f"grid file {path} cannot be read: {problem}.") from None
    return parse_grid(toml_table(text, f"grid file {path} is not valid TOML"), str(path))


def parse_grid(table: Mapping[str, Any], name: str = "the grid") -> Grid:
    """A grid from its table.

    Raises:
        UsageError: A key is unknown or a value is out of range; all complaints at once.
    """
    for key in table.keys() - GridTable.model_fields.keys():
        raise UsageError(f'{name}: unknown key "{key}". {suggestion(key, GridTable.model_fields)}')
    try:
        read = GridTable.model_validate(dict(table))
    except ValidationError as problem:
        raise UsageError(f"{name}: {complaints(problem)}") from None
    encoders = describers(read.defences)
    attacks = [spec for attack in read.attacks for spec in _attacks(attack, name, encoders)]
    if not any(spec.attack.name == "clean" for spec in attacks):
        attacks.insert(0, AttackSpec(Component("clean")))  # every figure of robustness is relative to clean accuracy
    linkers = [_linker(linker, name) for linker in read.linkers]
    return Grid(
        datasets=tuple(_component(dataset, name) for dataset in read.datasets),
        linkers=_distinct(tuple(linker for linker, _ in linkers), name),
        tasks=tuple(read.tasks),
        attacks=tuple(attacks),
        defences=tuple(_component(defence, name) for defence in read.defences),
        candidates=_component(read.candidates, name),
        split=read.split,
        seeds=tuple(read.seeds),
        sample_seed=read.sample_seed,
        limit=read.limit,
        batch_size=read.batch_size,
        keep=read.keep,
        trained={linker.title: training for linker, training in linkers if training is not None},
        poisons=tuple(poison_spec(_component(poison, name), name) for poison in read.poisons),
    )


def grid_of(**axes: Any) -> Grid:
    """A grid whose axes hold names, tables, or `Component`s with the object itself, for scripts.

    Raises:
        UsageError: As `parse_grid`.
    """
    objects: dict[str, Component] = {}

    def written(value: Any) -> Any:
        if isinstance(value, list):
            return [written(part) for part in value]
        if not isinstance(value, Component):
            return value
        name = f"object:{len(objects)}"
        objects[name] = value
        return {"name": name, "label": value.title}

    grid = parse_grid({name: written(value) for name, value in axes.items()}, "run")
    return replace(
        grid,
        datasets=tuple(objects.get(component.name, component) for component in grid.datasets),
        linkers=tuple(objects.get(component.name, component) for component in grid.linkers),
        defences=tuple(objects.get(component.name, component) for component in grid.defences),
        attacks=tuple(replace(spec, attack=objects.get(spec.attack.name, spec.attack)) for spec in grid.attacks),
    )


def component_from_text(text: str) -> Component:
    """A component as written on the command line: a name, or an inline table as in a grid.

    Raises:
        UsageError: It is neither.
    """
    if not text.lstrip().startswith("{"):
        return Component(text)
    return _component(
        toml_table(f"component = {text}", f'"{text[:80]}" is not an inline table ({{name = "...", parameter = ...}})')[
            "component"
        ],
        "the command line",
    )


def _component(written: str | Mapping[str, Any], name: str) -> Component:
    if isinstance(written, str):
        return Component(written)
    rest = dict(written)
    named, label = rest.pop("name", None), rest.pop("label", "")
    if not isinstance(named, str) or not isinstance(label, str):
        raise UsageError(f'{name}: {dict(written)} has no name; write {{name = "...", parameter = ...}}.')
    return Component(named, rest, label)


def _attacks(written: str | Mapping[str, Any], name: str, encoders: Sequence[str]) -> list[AttackSpec]:
    """One, or the members of "adaptive"."""
    table = {"name": written} if isinstance(written, str) else written
    return [_attack(member, name) for member in (members(table, encoders) if table.get("name") == ADAPTIVE else [written])]


def _attack(written: str | Mapping[str, Any], name: str) -> AttackSpec:
    whole = _component(written, name)
    try:
        aim = AttackTable.model_validate(dict(whole.params))
    except ValidationError as problem:
        raise UsageError(f"{name}: attack {whole.name}: {complaints(problem)}") from None
    own = {key: value for key, value in whole.params.items() if key not in AttackTable.model_fields}
    upon = None if aim.upon is None else _attack(aim.upon, name)
    if upon is not None and replace(upon, attack=whole, strength="", profile="", upon=None) != AttackSpec(whole):
        raise UsageError(
            f"{name}: attack {whole.name} upon {upon.attack.name}: the two share source, view, logits, max_side and eot; say them of"
            f" {whole.name} alone."
        )
    return AttackSpec(Component(whole.name, own, whole.label), **aim.model_dump() | {"upon": upon})


def _linker(written: str | Mapping[str, Any], name: str) -> tuple[Component, TrainingSpec | None]:
    """A linker, and how it is trained where its table says so."""
    whole = _component(written, name)
    params = dict(whole.params)
    trained = params.pop("trained", None)
    if trained is None:
        return whole, None
    recipe, on = (trained.get("recipe"), trained.get("on")) if isinstance(trained, Mapping) else (None, None)
    if not isinstance(recipe, str | Mapping) or not isinstance(on, list) or not on or trained.keys() - {"recipe", "on"}:
        raise UsageError(
            f'{name}: linker {whole.title}: write trained = {{recipe = "NAME or FILE", on = ["DATA SET"]}}, or a recipe table.'
        )
    return Component(whole.name, params, whole.label), TrainingSpec(recipe, tuple(_component(dataset, name) for dataset in on))


def _distinct(linkers: tuple[Component, ...], name: str) -> tuple[Component, ...]:
    titles = [linker.title for linker in linkers]
    for title in titles:
        if title in RESERVED:
            raise UsageError(
                f'{name}: a linker cannot be called "{title}", which is a keyword for sources; give it another label.'
            )
        if titles.count(title) > 1:
            raise UsageError(f'{name}: two linkers are called "{title}"; give each a label = "...".')
    return linkers
