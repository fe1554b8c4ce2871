"""Linkers whose weights a grid makes: one training job a seed and a poison, and the linker that reads its checkpoint."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from robustmel.defences import DEFENCES
from robustmel.errors import UsageError
from robustmel.images import file_digest
from robustmel.linkers import LINKERS
from robustmel.poisoning.poisoning import Poisoning
from robustmel.registry import Component, is_file_component
from robustmel.run.builder import Builder
from robustmel.run.components import LOCATIONS, ComponentSpec, Defended, component_spec, identity
from robustmel.run.grid import Grid, TrainingSpec
from robustmel.run.jobs import Candidates, Demos, Poison, Split, Training
from robustmel.run.keys import files_digest, kb_digest, mentions_digest, plain
from robustmel.run.poison_spec import PoisonSpec
from robustmel.run.poisons import poison_attack, poison_of
from robustmel.run.seeds import Seeds
from robustmel.run.sources import UNDEFENDED

CLEAN = PoisonSpec(Component("none"))


class Trainings:
    """The linkers of a grid, and their trainings; what cannot be is noted, not raised."""

    def __init__(self, grid: Grid, builder: Builder, problems: list[str]) -> None:
        self._specs = grid.trained
        self._builder = builder
        self._problems = problems
        self._recipes: dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]] = {}
        self._bare: dict[str, ComponentSpec] = {}
        self._untrained = [linker.title for linker in grid.linkers if linker.title not in grid.trained]
        self._digests: dict[str, str] = {}
        self._attacks: dict[str, ComponentSpec | None] = {}
        for poison in grid.poisons:
            self._check_poison(poison)

    def linker(self, component: Component) -> ComponentSpec | None:
        """A linker of the grid; of one that is trained all but its weights."""
        training = self._specs.get(component.title)
        if training is None:
            return component_spec(LINKERS, component, self._problems)
        if "model" in component.params:
            self._problems.append(
                f"linker {component.title} is trained by the grid, so it takes no model; leave one of the two out"
            )
            return None
        bare = component_spec(LINKERS, component, self._problems, trained=True)
        if bare is not None:
            self._bare[bare.title] = bare
            self._read_recipe(bare, training)
        return bare

    def defence(self, component: Component) -> ComponentSpec | None:
        """A defence of the grid; one by training has the identity of none, as the linker itself is another then."""
        spec = component_spec(DEFENCES, component, self._problems)
        if spec is None or not getattr(spec.loaded, "by_training", False):
            return spec
        tables = {name: table for name, table in spec.parameters.items() if table}
        self._problems += [_nothing_to_train(spec, title) for title in self._untrained]
        for title, bare in self._bare.items():
            self._read_recipe(bare, self._specs[title], spec.title, tables)
        return replace(UNDEFENDED, component=component, loaded=spec.loaded)

    def behind(self, seed: int, poison: PoisonSpec) -> Callable[[ComponentSpec, ComponentSpec], Defended]:
        """What makes a linker and a defence one, for a seed and a poison that reaches the linker."""

        def together(linker: ComponentSpec, defence: ComponentSpec) -> Defended:
            bare = self._bare.get(linker.title)
            if bare is not None:
                trained = self.trained(bare, seed, poison, defence)
                assert trained is not None
                return Defended(trained, defence)
            if getattr(defence.loaded, "by_training", False):
                self._problems.append(_nothing_to_train(defence, linker.title))
            return Defended(linker, defence)

        return together

    def trained(
        self, linker: ComponentSpec, seed: int, poison: PoisonSpec, defence: ComponentSpec = UNDEFENDED
    ) -> ComponentSpec | None:
        """A linker with the checkpoint and demonstrations of one seed, poison and defence by training; None where the poison would not reach it."""
        if poison.how is None or poison.target in ("training", "all"):
            return self._trained(linker, seed, poison, defence)
        clean, shows_demos = self._trained(linker, seed, CLEAN, defence), hasattr(linker.loaded, "demo_records")
        if poison.target == "queries" or clean is None:
            return clean
        if poison.target == "weights":
            learnt = self._trained(linker, seed, poison, defence)
            return self._shown(learnt, clean, None, Poisoning(0.0), seed) if learnt and shows_demos else learnt
        return self._shown(clean, clean, self._attacks[poison.title], poison.how, seed) if shows_demos else None

    def _shown(
        self, linker: ComponentSpec, owner: ComponentSpec, attack: ComponentSpec | None, how: Poisoning, seed: int
    ) -> ComponentSpec:
        """A linker that is shown the demonstrations of their owner, some of them poisoned."""
        job = poison_of(Demos(owner), attack, how, Seeds.of(seed).train, owner.title, self._builder)
        return replace(linker, identity=linker.identity | {"demos": job.key}, demos=job)

    def poisoned(self, queries: Candidates, seed: int, poison: PoisonSpec) -> Poison | None:
        """The poison of queries; None where other things are poisoned, or nothing."""
        if poison.target not in ("queries", "all") or poison.how is None:
            return None
        attack, name = self._attacks[poison.title], f"queries of {queries.name}"
        return poison_of(queries, attack, poison.how, Seeds.of(seed).perturb, name, self._builder)

    def _trained(self, linker: ComponentSpec, seed: int, poison: PoisonSpec, defence: ComponentSpec) -> ComponentSpec | None:
        training = self._specs.get(linker.title)
        if training is None:
            return linker if poison.how is None else None
        train_seed = Seeds.of(seed).train
        data = tuple(self._digest(dataset) for dataset in training.on)
        poisons: tuple[Poison, ...] = ()
        if poison.how is not None:
            attack, how = self._attacks[poison.title], poison.how
            poisons = tuple(
                poison_of(Split(dataset), attack, how, train_seed, dataset.title, self._builder) for dataset in training.on
            )
        by = defence.title if getattr(defence.loaded, "by_training", False) else ""
        name = ", ".join(filter(None, (linker.title, by, f"seed {seed}", poison.title if poisons else "")))
        job = Training(*self._recipes[linker.title, by], training.on, data, poisons, train_seed, name)
        places = {
            name: linker.parameters[name] for name in LOCATIONS if name != "model" and linker.parameters.get(name) is not None
        }
        given = {name: file_digest(Path(place)) if Path(place).is_file() else place for name, place in places.items()}
        entering_keys = identity(linker.identity["name"], linker.parameters, linker.loaded, {"checkpoint": job.key} | given)
        return replace(linker, identity=entering_keys, training=job)

    def _read_recipe(
        self, linker: ComponentSpec, training: TrainingSpec, defence: str = "", tables: Mapping[str, Any] | None = None
    ) -> None:
        from robustmel.training.recipe_files import read_recipe
        from robustmel.training.trainee import kind_of_training

        name = linker.component.name
        family = name if is_file_component(name) else LINKERS.base(name)
        source = {"family": family, **training.recipe} if isinstance(training.recipe, Mapping) else training.recipe
        what = f"linker {linker.title}" + (f" with defence {defence}" if defence else "")
        try:
            recipe = read_recipe(source, **(tables or {}))
            kind_of_training(recipe)
            decides = plain(recipe.identity()) | {"files": files_digest(recipe.assets())}
        except UsageError as problem:
            self._problems.append(f"{what}: {str(problem).rstrip('.')}")
            return
        if defence and decides == self._recipes.get((linker.title, ""), ({}, {}))[1]:
            self._problems.append(
                f"{what}: the recipe stays as it is; the defence needs a table that is on, such as filter ="
                ' {detector = "onion", share = 0.1}'
            )
        self._recipes[linker.title, defence] = (plain(recipe.to_dict()), decides)
        if recipe.family != family:
            self._problems.append(f"linker {linker.title} is of family {family}, and its recipe trains {recipe.family}")

    def _digest(self, dataset: Component) -> str:
        """Of what a training reads: mentions of the training and validation splits, and the entities."""
        if dataset.written not in self._digests:
            whole = self._builder.dataset(dataset, "all")
            read = [mention for mention in whole.mentions if mention.split != "test"]
            self._digests[dataset.written] = f"{mentions_digest(whole.name, read)} {kb_digest(whole.kb)}"
        return self._digests[dataset.written]

    def _check_poison(self, poison: PoisonSpec) -> None:
        if poison.how is None:
            return
        if poison.target in ("training", "weights", "all") and not self._specs:
            self._problems.append(
                f"poison {poison.title} changes training data, and no linker of the grid is trained; give one a trained = {{...}}"
            )
        self._attacks[poison.title] = poison_attack(poison.attack, f"poison {poison.title}", self._problems)


def _nothing_to_train(defence: ComponentSpec, linker: str) -> str:
    return (
        f"defence {defence.title} is a matter of training, and linker {linker} is not trained by the grid; give it a trained = {{...}},"
        " or leave one of the two out"
    )
