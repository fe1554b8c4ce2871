"""From a grid to the artefacts it needs: every problem found at once, before any model loads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from robustmel.attacks import ATTACKS
from robustmel.candidates import CANDIDATES
from robustmel.defences import DEFENCES
from robustmel.errors import UsageError
from robustmel.linkers import LINKERS
from robustmel.registry import Component
from robustmel.run.builder import Builder
from robustmel.run.components import attack_spec, attempt, component_spec
from robustmel.run.grid import AttackSpec, Grid
from robustmel.run.jobs import Answers, Candidates, ComponentSpec, Ensemble, Job, Variant, identity
from robustmel.run.keys import kb_digest, mentions_digest
from robustmel.run.seeds import Seeds
from robustmel.run.sources import Source, Sources
from robustmel.types import Task

UNDEFENDED = ComponentSpec(Component("none"), {}, identity("none", {}, DEFENCES.load("none"), {}))

VIEW_TASK: Mapping[str, Task] = {"image": "I2T", "fused": "IT2T"}


@dataclass(frozen=True)
class View:
    """One perturbed set (None is the clean one) and the answers to it."""

    name: str
    variant: Variant | None
    rows: Answers


@dataclass(frozen=True)
class Cell:
    """One combination of the grid's axes, with the artefacts its figures come from."""

    dataset: str
    task: Task
    linker: str
    source: str
    defence: str
    attack: AttackSpec
    threat_model: str
    budget: str
    seed: int
    questions: Candidates
    views: tuple[View, ...]


@dataclass
class Plan:
    """The cells of a grid and the artefacts they share.

    Args:
        cells: In the order of the axes.
        notes: What the report must say beside its figures.
    """

    cells: list[Cell] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def jobs(self) -> list[Job]:
        """Every artefact once, those that others need first."""
        found: dict[str, Job] = {}
        for cell in self.cells:
            for view in cell.views:
                for job in (cell.questions, view.variant, view.rows):
                    if job is not None:
                        found.setdefault(job.key, job)
        return sorted(found.values(), key=_turn)

    @property
    def consumers(self) -> Counter[str]:
        """Variant key -> the number of different row sets made from it."""
        pairs = {(view.variant.key, view.rows.key) for cell in self.cells for view in cell.views if view.variant}
        return Counter(variant for variant, _ in pairs)


def _turn(job: Job) -> tuple[int, str]:
    """What others need comes first; within a kind, one linker after the other, since few fit into memory at once."""
    if isinstance(job, Variant):
        return 1, job.made_on
    return (2, job.linker.title) if isinstance(job, Answers) else (0, "")


def expand(grid: Grid, builder: Builder) -> Plan:
    """Every cell of a grid, with the keys of its artefacts.

    Reads the data (keys are made of its bytes) and the classes of the components, but loads no model.

    Raises:
        UsageError: The grid asks for what cannot be; the message lists all such problems.
        MissingError: Data or weights are absent.
    """
    problems: list[str] = []
    linkers = [one for one in (component_spec(LINKERS, linker, problems) for linker in grid.linkers) if one]
    defences = [one for one in (component_spec(DEFENCES, defence, problems) for defence in grid.defences) if one]
    attacks = [(spec, made) for spec, made in ((spec, attack_spec(spec, problems)) for spec in grid.attacks) if made]
    generator = component_spec(CANDIDATES, grid.candidates, problems)
    problems += _repeats("attacks", _once_a_source([spec for spec, _ in attacks]))
    problems += _repeats("defences", [made.component.title for made in defences])
    for made, task in product(linkers, grid.tasks):
        able = LINKERS.load(made.component.name).tasks
        if task not in able:
            problems.append(f"linker {made.component.title} cannot do task {task} (it does {', '.join(able)})")
    sources = Sources(linkers, problems)
    for (spec, _), victim in product(attacks, linkers):
        sources.check(spec, victim)
        for source, task in product(sources.of(spec, victim), grid.tasks):
            _check_source(spec, source, task, problems)
    if generator is not None:
        attempt(lambda: CANDIDATES.load(generator.component.name)(**generator.parameters), "candidates", problems)
    _complain(problems)
    assert generator is not None
    plan = Plan()
    asked = [_questions(dataset, grid, generator, builder, plan) for dataset in grid.datasets]
    _complain(_repeats("data sets", [questions.name for questions in asked]))
    for questions in asked:
        for (spec, attack), linker, defence in product(attacks, linkers, defences):
            for task, seed in product(grid.tasks, grid.seeds):
                for source in sources.of(spec, linker):
                    plan.cells.append(_cell(questions, spec, attack, linker, defence, source, task, seed, grid))
    _drop_repeated_texts(plan)
    _check_dropping(plan, problems)
    problems += _meetings(plan)
    _complain(problems)
    return plan


def _repeats(what: str, titles: list[str]) -> list[str]:
    return [f'two {what} are called "{title}"; give each a label = "..."' for title in titles if titles.count(title) > 1]


def _once_a_source(specs: list[AttackSpec]) -> list[str]:
    """The titles of attacks, once for those that differ in nothing but their source: tables tell them apart by it."""
    alike: list[AttackSpec] = []
    for bare in (replace(spec, source="") for spec in specs):
        if bare not in alike:
            alike.append(bare)
    return [spec.title for spec in alike]


def _drop_repeated_texts(plan: Plan) -> None:
    """T2T reads no image, so it has one cell an attack, whatever sources the attack has."""
    seen: set[tuple[object, ...]] = set()
    kept = []
    for cell in plan.cells:
        key = (cell.dataset, cell.linker, cell.defence, cell.attack.title, cell.seed)
        if cell.task != "T2T" or key not in seen:
            kept.append(cell)
        if cell.task == "T2T":
            seen.add(key)
    plan.cells = kept


def _meetings(plan: Plan) -> list[str]:
    """Two attacks of one name may differ in their sources, and then must not come from the same source to the same victim."""
    cells = Counter(
        (cell.attack.title, cell.source, cell.linker, cell.dataset, cell.task, cell.defence, cell.seed) for cell in plan.cells
    )
    return [
        f'linker {linker} is shown {attack} from the source {source} twice; leave one out, or give each a label = "..."'
        for (attack, source, linker, *_), count in cells.items()
        if count > 1
    ]


def _complain(problems: list[str]) -> None:
    whole = [one if one.endswith("?") else f"{one}." for one in dict.fromkeys(problems)]
    if whole:
        raise UsageError(whole[0] if len(whole) == 1 else f"{len(whole)} problems:" + "".join(f"\n  - {one}" for one in whole))


def _cell(
    questions: Candidates, spec: AttackSpec, attack: ComponentSpec, linker: ComponentSpec, defence: ComponentSpec, source: Source | None, task: Task, seed: int, grid: Grid
) -> Cell:  # fmt: skip
    seeds = Seeds.of(seed, grid.sample_seed)
    guard = defence if spec.source == "victim" else UNDEFENDED
    views = []
    for name in _views(spec, task):
        variant = None
        if name in VIEW_TASK:
            variant = Variant(questions, spec, attack, source, guard, VIEW_TASK[name], seeds.perturb, grid.batch_size)
        views.append(View(name, variant, Answers(questions, linker, defence, task, variant, seeds.link, grid.batch_size)))
    made = ATTACKS.load(spec.attack.name)(**attack.parameters)
    return Cell(
        dataset=questions.name,
        task=task,
        linker=linker.title,
        source=source.title if source else "none",
        defence=defence.title,
        attack=spec,
        threat_model=made.threat_model,
        budget=made.budget,
        seed=seed,
        questions=questions,
        views=tuple(views),
    )


def _views(spec: AttackSpec, task: Task) -> tuple[str, ...]:
    """Which perturbed sets judge a task: IT2T by the worst of the image's and the fused view's, T2T reads no image."""
    if spec.attack.name == "clean":
        return ("clean",)
    if task == "T2T":
        return ("text",)
    if spec.view != "auto":
        return (spec.view,)
    if task == "I2T" or ATTACKS.load(spec.attack.name).needs == "nothing":
        return ("image",)
    return ("image", "fused")


def _check_source(spec: AttackSpec, source: Source | None, task: Task, problems: list[str]) -> None:
    """Notes what a source cannot do of what an attack for this task asks of it."""
    for made in source.members if isinstance(source, Ensemble) else (source,) if source else ():
        able = LINKERS.load(made.component.name)
        needs = "gradients" if isinstance(source, Ensemble) else ATTACKS.load(spec.attack.name).needs
        if needs == "gradients" and not hasattr(able, "logits"):
            other = "" if isinstance(source, Ensemble) else ', or use attack "square", which needs scores alone'
            problems.append(
                f'attack {spec.title} needs gradients and linker {made.title} has none. Set source = "clip-world" (or another linker'
                f" with gradients) to craft the images on it{other}"
            )
        problems += [
            f"attack {spec.title} reads the {view} view, task {VIEW_TASK[view]}, of source {made.title}, which does"
            f' {", ".join(able.tasks)} alone; set view = "image" or another source'
            for view in _views(spec, task)
            if view in VIEW_TASK and VIEW_TASK[view] not in able.tasks
        ]


def _check_dropping(plan: Plan, problems: list[str]) -> None:
    """An image that left the batch at its first success is barely over the boundary of that one decision."""
    consumers = plan.consumers
    for cell in plan.cells:
        for view in cell.views:
            if view.variant is None or not view.variant.made.parameters.get("drop_fooled", False):
                continue
            own = view.variant.source is not None and view.variant.source.identity == view.rows.linker.identity
            own = own and view.variant.defence.identity == view.rows.defence.identity and view.variant.view == cell.task
            if not own or consumers[view.variant.key] > 1:
                problems.append(
                    f"attack {cell.attack.title} has drop_fooled = true, so its set may serve only the one cell it was made for, but"
                    f" it would serve others too ({cell.task} of {cell.linker} reads the {view.name} view of {cell.source});"
                    " drop the option, or set view and tasks so that one cell reads it"
                )


def _questions(dataset: Component, grid: Grid, generator: ComponentSpec, builder: Builder, plan: Plan) -> Candidates:
    loaded, mentions = builder.sampled(dataset, grid.split, grid.limit, grid.sample_seed)
    data: dict[str, Any] = {"mentions": mentions_digest(loaded.name, mentions), "kb": kb_digest(loaded.kb)}
    component = CANDIDATES.load(generator.component.name)
    if getattr(component, "uses_train", False):
        data["train"] = mentions_digest(loaded.name, builder.training_mentions(dataset))
    title = dataset.label or loaded.name
    if not any(mention.text for mention in mentions) and mentions:
        plan.notes.append(f"{title} carries no sentences: the query text of IT2T and T2T is the mention's surface alone.")
    if len(mentions) < len(loaded.mentions):
        plan.notes.append(
            f"{title}: a sample of {len(mentions)} of the {len(loaded.mentions)} mentions of the {grid.split} split."
        )
    return Candidates(dataset, grid.split, grid.limit, grid.sample_seed, generator, data, title, len(mentions))
