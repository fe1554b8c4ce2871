"""Impossible requests of a grid, as sentences, collected before the run."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from robustmel.errors import UsageError
from robustmel.run.components import ComponentSpec, Defended, Ensemble, Source
from robustmel.run.grid import AttackSpec
from robustmel.run.plan import PlannedCell
from robustmel.run.views import VIEW_TASK, parts, touches, views
from robustmel.types import Task

SUPPLIED = ("train",)
"""What a stage can supply to a defence that names it in `uses`."""


def complain(problems: Iterable[str]) -> None:
    """Raises UsageError with all problems, each once; does nothing where there is none."""
    whole = [problem if problem.endswith("?") else f"{problem}." for problem in dict.fromkeys(problems)]
    if whole:
        raise UsageError(
            whole[0] if len(whole) == 1 else f"{len(whole)} problems:" + "".join(f"\n  - {problem}" for problem in whole)
        )


def repeats(what: str, titles: list[str]) -> list[str]:
    """Two components of one kind under one title."""
    return [f'two {what} are called "{title}"; give each a label = "..."' for title in titles if titles.count(title) > 1]


def behind(victim: Defended) -> str:
    """`linker clip-world`, or `linker clip-world behind jpeg`."""
    return f"linker {victim.linker.title}" + ("" if victim.undefended else f" behind {victim.defence.title}")


def unsupplied(defence: ComponentSpec) -> list[str]:
    """What a defence needs to be given, and nothing here gives."""
    uses = getattr(defence.loaded, "uses", ())
    lacking = [f"defence {defence.title} uses {name}, which does not exist here" for name in uses if name not in SUPPLIED]
    if not hasattr(defence.loaded, "capabilities"):
        lacking.append(f"defence {defence.title} does not state its capabilities; give it a classmethod capabilities")
    return lacking


def poisons_alone(attacks: Iterable[tuple[AttackSpec, ComponentSpec]]) -> Iterator[str]:
    """Attacks at test time that must know the records among which they poison some."""
    for spec, made in attacks:
        if any(getattr(part.loaded, "knows_records", False) for part in (made, made.upon) if part is not None):
            yield f"attack {spec.title} hides from a detector that compares records, so it poisons and does nothing else; write it as a poison"


def tasks_lacking(victim: Defended, tasks: Iterable[Task]) -> list[str]:
    """Tasks that a linker cannot do, alone or behind its defence."""
    if not hasattr(victim.defence.loaded, "capabilities"):
        return []
    able = victim.capabilities.tasks
    return [
        f"{behind(victim)} cannot do task {task} (it does {', '.join(able) or 'none'})" for task in tasks if task not in able
    ]


def listed_at_length(generator: ComponentSpec, victims: Iterable[Defended]) -> Iterator[str]:
    """Notes on linkers that are given the whole knowledge base as one list."""
    if generator.identity["name"] != "all":
        return
    for victim in victims:
        if not victim.capabilities.open_answers:
            yield f"{behind(victim)} gets every id of the knowledge base as its candidates, which costs memory."


def memory_unasked(linkers: Iterable[ComponentSpec], datasets: Collection[str]) -> Iterator[str]:
    """Notes on language models of which a grid does not find out whether they link or remember names."""
    alone = [name for name in datasets if not name.endswith(", renamed") and f"{name}, renamed" not in datasets]
    for linker in linkers:
        kind = linker.loaded
        if alone and (getattr(kind, "remote", False) or getattr(kind, "trained_as", "") == "mllm"):
            yield (
                f"{linker.title} may know names of {', '.join(alone)} by heart; beside a data set"
                ' {name = "renamed", of = ...} the table says what it loses without them.'
            )


def images_unread(spec: AttackSpec, attack: ComponentSpec, asked: Iterable[Defended], task: Task) -> Iterator[str]:
    """Attacks on images where a victim or a source reads none."""
    if not any(made.loaded.modality == "image" for _, made in parts(spec, attack, task) if touches(made.loaded, task)):
        return
    for member in asked if spec.attack.name != "clean" else ():
        if hasattr(member.defence.loaded, "capabilities") and not member.capabilities.images:
            yield (
                f"attack {spec.title} changes images, and {behind(member)} reads stored features in their place; leave out"
                f" features to attack its images, or choose an attack on text"
            )


def source_lacks(spec: AttackSpec, attack: ComponentSpec, source: Source | None, task: Task) -> Iterator[str]:
    """What a source cannot do of what an attack for this task asks of it."""
    asked = views(spec, attack, task, source)
    if (spec.view == "text" and attack.loaded.modality == "image") or (
        spec.view == "image" and attack.loaded.modality == "text"
    ):
        yield f'attack {spec.title} changes the {attack.loaded.modality} alone, so view = "{spec.view}" has no effect; leave it out'
        return
    if asked == ("untouched",) or source is None:
        return
    for member in source.members if isinstance(source, Ensemble) else (source,):
        if not hasattr(member.defence.loaded, "capabilities"):
            continue
        yield from images_unread(spec, attack, [member], task)
        able = member.capabilities
        needs = {"gradients"} if isinstance(source, Ensemble) else {part.loaded.needs for _, part in parts(spec, attack, task)}
        if "gradients" in needs and not able.gradients:
            why = f": {able.no_gradient}" if able.no_gradient else ""
            yield f"attack {spec.title} needs gradients and {behind(member)} has none{why}. {_way_out(spec, member, source)}"
        for view in asked:
            if view in VIEW_TASK and VIEW_TASK[view] not in able.tasks:
                own = "fused" if "IT2T" in able.tasks else attack.loaded.modality
                yield (
                    f"attack {spec.title} reads the {view} view, task {VIEW_TASK[view]}, of source {member.title}, which does"
                    f' {", ".join(able.tasks)} alone; set view = "{own}" or another source'
                )


def _way_out(spec: AttackSpec, member: Defended, source: Source) -> str:
    other = "" if isinstance(source, Ensemble) else ', or use attack "square", which needs scores alone'
    if not member.undefended and spec.source == "victim":
        return f'Set source = {{linker = "victim", defence = "none"}} to craft the images on the undefended linker{other}'
    return f'Set source = "clip-world" (or another linker with gradients) to craft the images on it{other}'


def dropping(cells: Iterable[PlannedCell], consumers: Counter[str]) -> Iterator[str]:
    """An image that left the batch at its first success is barely over the boundary of that one decision."""
    for planned in cells:
        for evaluation in planned.evaluations:
            variant = evaluation.variant
            if variant is None or not variant.component.parameters.get("drop_fooled", False):
                continue
            if not (planned.white_box and variant.view == planned.cell.task) or consumers[variant.key] > 1:
                cell = planned.cell
                yield (
                    f"attack {cell.attack} has drop_fooled = true, so its set may serve only the one cell it was made for, but"
                    f" it would serve others too ({cell.task} of {cell.linker} reads the {evaluation.name} view of {cell.source});"
                    " drop the option, or set view and tasks so that one cell reads it"
                )
