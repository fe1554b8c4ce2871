"""From a grid to the artefacts it needs: every problem found at once, before any model loads."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

from robustmel.candidates import CANDIDATES
from robustmel.images import size_of
from robustmel.registry import Component
from robustmel.run.builder import Builder
from robustmel.run.components import ComponentSpec, Defended, Source, attack_spec, attempt, component_spec
from robustmel.run.grid import AttackSpec, Grid
from robustmel.run.jobs import Answers, Candidates, Poison, Variant
from robustmel.run.keys import canonical, kb_digest, mentions_digest
from robustmel.run.plan import Evaluation, Plan, PlannedCell
from robustmel.run.refusals import (
    complain,
    dropping,
    images_unread,
    listed_at_length,
    memory_unasked,
    poisons_alone,
    repeats,
    source_lacks,
    tasks_lacking,
    unsupplied,
)
from robustmel.run.seeds import Seeds
from robustmel.run.sources import Sources
from robustmel.run.trainings import Trainings
from robustmel.run.views import VIEW_TASK, parts, touches, views
from robustmel.types import Cell, Mention


def expand(grid: Grid, builder: Builder) -> Plan:
    """Every cell of a grid, with the keys of its artefacts.

    Reads the data (keys are made of its bytes) and the classes of the components, but loads no model.

    Raises:
        UsageError: The grid asks for what cannot be; the message lists all such problems.
        MissingError: Data or weights are absent.
    """
    problems: list[str] = []
    trainings = Trainings(grid, builder, problems)
    linkers = [spec for spec in map(trainings.linker, grid.linkers) if spec]
    defences = [spec for spec in map(trainings.defence, grid.defences) if spec]
    attacks = [(spec, made) for spec, made in ((spec, attack_spec(spec, problems)) for spec in grid.attacks) if made]
    generator = component_spec(CANDIDATES, grid.candidates, problems)
    problems += repeats("attacks", _once_a_source([spec for spec, _ in attacks]))
    problems += repeats("poisons", [poison.title for poison in grid.poisons])
    problems += _texts_edited_twice(grid, attacks)
    problems += _without_demos(grid, linkers)
    problems += poisons_alone(attacks)
    problems += repeats("defences", [defence.title for defence in defences])
    problems += [problem for defence in defences for problem in unsupplied(defence)]
    sources = Sources(linkers, defences, problems)
    for linker, defence in product(linkers, defences):
        together = Defended(linker, defence)
        problems += tasks_lacking(together, grid.tasks)
        for spec, attack in attacks:
            sources.check(spec, attack, together)
            problems += [problem for task in grid.tasks for problem in images_unread(spec, attack, [together], task)]
            for source, task in product(sources.of(spec, attack, together), grid.tasks):
                problems += source_lacks(spec, attack, source, task)
    if generator is not None:
        attempt(lambda: CANDIDATES.load(generator.component.name)(**generator.parameters), "candidates", problems)
    complain(problems)
    assert generator is not None
    plan = Plan()
    plan.notes += dict.fromkeys(f"{spec.title}: {note}" for spec, attack in attacks for note in attack.notes)
    asked = [_candidates(dataset, grid, generator, builder, plan) for dataset in grid.datasets]
    plan.notes += listed_at_length(generator, (Defended(linker, defence) for linker, defence in product(linkers, defences)))
    plan.notes += memory_unasked(linkers, [candidates.name for candidates in asked])
    complain(repeats("data sets", [candidates.name for candidates in asked]))
    for candidates in asked:
        sampled_mentions = builder.sampled(candidates.dataset, grid.split, grid.limit, grid.sample_seed)[1]
        reduced = list(_reduced(attacks, sampled_mentions, problems))
        for (spec, attack), place, defence in product([*attacks, *reduced], range(len(linkers)), defences):
            for task, seed, poison in product(grid.tasks, grid.seeds, grid.poisons):
                if (spec, attack) in reduced and not touches(attack.loaded, task):
                    continue
                at_hand = [trainings.trained(linker, seed, poison) for linker in linkers]
                victim = at_hand[place]
                if victim is None:
                    continue  # a linker that the poison does not reach has no poisoned twin
                queries = trainings.poisoned(candidates, seed, poison)
                if queries is not None and task == "I2T":
                    continue  # it reads no text
                behind = trainings.behind(seed, poison)
                here = Sources([other for other in at_hand if other], defences, problems, behind)
                judged = behind(victim, defence)
                for source in here.of(spec, attack, judged):
                    asked_of = source.title if source else "none"
                    titles = (candidates.name, task, victim.title, defence.title, asked_of, spec.title, poison.title)
                    source_linker = source.linker.title if isinstance(source, Defended) else ""
                    cell = Cell(*titles, seed, source_linker)
                    plan.cells.append(_planned(cell, candidates, spec, attack, judged, source, grid, queries))
    plan.cells = list(_untouched_once(plan.cells))
    plan.notes += _one_draw(plan)
    problems += dropping(plan.cells, plan.consumers)
    problems += _meetings(plan)
    complain(problems)
    return plan


def _reduced(
    attacks: Iterable[tuple[AttackSpec, ComponentSpec]], mentions: Iterable[Mention], problems: list[str]
) -> Iterator[tuple[AttackSpec, ComponentSpec]]:
    """Beside clean images, the same at the sizes to which some are reduced before an attack: what that costs is not its doing."""
    sides = {
        part.max_side
        for spec, attack in attacks
        for part, made in parts(spec, attack, "I2T")
        if made.loaded.modality == "image" and part.attack.name != "clean"
    }
    longest = 0
    for mention in mentions if sides else ():
        longest = max(longest, *((mention.image and size_of(mention.image)) or (0,)))
        if longest > max(sides):
            break  # all of them reduce something
    for side in sorted(side for side in sides if side < longest):
        spec = AttackSpec(Component("noise", {"eps": 0.0}, f"clean-{side}px"), max_side=side)
        if made := attack_spec(spec, problems):
            yield spec, made


def _once_a_source(specs: list[AttackSpec]) -> list[str]:
    """The titles of attacks, once for those that differ in nothing but their source: tables tell them apart by it."""
    alike: list[AttackSpec] = []
    for bare in (replace(spec, source="", source_defence="") for spec in specs):
        if bare not in alike:
            alike.append(bare)
    return [spec.title for spec in alike]


def _untouched_once(cells: Iterable[PlannedCell]) -> Iterator[PlannedCell]:
    """A task that an attack leaves untouched has one cell an attack, whatever sources the attack has."""
    seen: set[Cell] = set()
    for planned in cells:
        without_source = replace(planned.cell, source="")
        if planned.evaluations[0].name != "untouched" or without_source not in seen:
            yield planned
        if planned.evaluations[0].name == "untouched":
            seen.add(without_source)


def _texts_edited_twice(grid: Grid, attacks: Iterable[tuple[AttackSpec, ComponentSpec]]) -> Iterator[str]:
    """Poisons of queries beside attacks that write texts of their own."""
    for poison in grid.poisons:
        for spec, attack in attacks if poison.target in ("queries", "all") else ():
            if attack.loaded.modality == "text":
                yield f"poison {poison.title} and attack {spec.title} both edit the texts of queries; leave one of them out"


def _without_demos(grid: Grid, linkers: Iterable[ComponentSpec]) -> Iterator[str]:
    """Poisons of demonstrations where no linker has any."""
    if not any(hasattr(linker.loaded, "demo_records") for linker in linkers):
        for poison in grid.poisons:
            if poison.target == "demos":
                yield f"poison {poison.title} changes demonstrations, and no linker of the grid shows any; add a gemel"


def _one_draw(plan: Plan) -> list[str]:
    """Gradient attacks on sources that draw, by one draw each: another one is judged."""
    variants = [evaluation.variant for cell in plan.cells for evaluation in cell.evaluations if evaluation.variant]
    return [
        f"{variant.attack.title} attacks one draw of {variant.made_on}, and other draws are judged; eot = 10 attacks their average."
        for variant in {variant.key: variant for variant in variants}.values()
        if variant.source is not None
        and variant.source.random
        and variant.draws == 1
        and variant.component.loaded.needs == "gradients"
    ]


def _meetings(plan: Plan) -> list[str]:
    """Two attacks of one name may differ in their sources, and then must not come from the same source to the same victim."""
    return [
        f"linker {cell.linker} is shown {cell.attack} from the source {cell.source} twice; leave one out, or give each a"
        ' label = "..."'
        for cell, count in Counter(planned.cell for planned in plan.cells).items()
        if count > 1
    ]


def _planned(
    cell: Cell,
    candidates: Candidates,
    spec: AttackSpec,
    attack: ComponentSpec,
    victim: Defended,
    source: Source | None,
    grid: Grid,
    queries: Poison | None = None,
) -> PlannedCell:
    seeds = Seeds.of(cell.seed or 0, grid.sample_seed)
    evaluations = []
    for view in views(spec, attack, cell.task, source, victim):
        variant: Variant | None = None
        for part, made in reversed(parts(spec, attack, cell.task) if view not in ("clean", "untouched") else ()):
            guide = None if made.loaded.needs == "nothing" else source
            seed = seeds.redraw if guide is None and view == "fused" else seeds.perturb
            variant = Variant(candidates, part, made, guide, VIEW_TASK[view], seed, grid.batch_size, variant or queries)
        answers = Answers(candidates, victim, cell.task, variant or queries, seeds.link, grid.batch_size)
        evaluations.append(Evaluation(view, variant, answers))
    white_box = source is not None and canonical(source.identity) == canonical(victim.identity)
    return PlannedCell(cell, spec, attack, white_box, candidates, tuple(evaluations))


def _candidates(dataset: Component, grid: Grid, generator: ComponentSpec, builder: Builder, plan: Plan) -> Candidates:
    loaded, mentions = builder.sampled(dataset, grid.split, grid.limit, grid.sample_seed)
    data: dict[str, Any] = {"mentions": mentions_digest(loaded.name, mentions), "kb": kb_digest(loaded.kb)}
    if getattr(generator.loaded, "uses_train", False):
        data["train"] = mentions_digest(loaded.name, builder.training_mentions(dataset))
    title = dataset.label or loaded.name
    if not any(mention.text for mention in mentions) and mentions:
        plan.notes.append(f"{title} has no sentences: the query text of IT2T and T2T is the mention's surface alone.")
    if len(mentions) < len(loaded.mentions):
        plan.notes.append(
            f"{title}: a sample of {len(mentions)} of the {len(loaded.mentions)} mentions of the {grid.split} split."
        )
    return Candidates(dataset, grid.split, grid.limit, grid.sample_seed, generator, data, title, len(mentions))
