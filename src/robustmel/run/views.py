"""Which perturbed sets judge a task, from what an attack overwrites and what the task reads."""

from collections.abc import Mapping
from typing import Any

from robustmel.run.components import ComponentSpec, Defended, Ensemble, Source
from robustmel.run.grid import AttackSpec
from robustmel.types import Task

READS: Mapping[Task, frozenset[str]] = {
    "I2T": frozenset({"image"}),
    "IT2T": frozenset({"image", "text", "surface", "span"}),
    "T2T": frozenset({"text", "surface", "span"}),
}
"""Task -> the columns of a mention that it reads."""

VIEW_TASK: Mapping[str, Task] = {"image": "I2T", "fused": "IT2T", "text": "T2T", "knowledge": "T2T"}
"""View -> the task whose scores guide the attack; without meaning for an attack that asks nobody."""

OWN_VIEW = {"image": "image", "text": "text", "knowledge": "knowledge"}
"""Modality of an attack -> the view that looks at nothing else."""


def touches(attack: Any, task: Task) -> bool:
    """Whether an attack overwrites anything that a task reads; the knowledge base is read by all."""
    return attack.modality == "knowledge" or not READS[task].isdisjoint(getattr(attack, "writes", (attack.modality,)))


def parts(spec: AttackSpec, attack: ComponentSpec, task: Task) -> list[tuple[AttackSpec, ComponentSpec]]:
    """An attack and those it is made upon, the last first, as far as they overwrite what a task reads; itself where none does."""
    chain = [(spec, attack)]
    while (before := chain[-1][0].before) is not None and (upon := chain[-1][1].upon) is not None:
        chain.append((before, upon))
    return [(part, made) for part, made in chain if touches(made.loaded, task)] or chain[:1]


def views(
    spec: AttackSpec, attack: ComponentSpec, task: Task, source: Source | None, victim: Defended | None = None
) -> tuple[str, ...]:
    """The perturbed sets that judge a task, each made by the `parts` of the attack.

    "clean" and "untouched" are no sets: the attack is none, or leaves alone all that the task reads. IT2T is judged by the worse
    of the set made against the attack's own modality and the one made against the fused score; by the latter alone where a source
    does not do the own modality's task (a linker that always reads image and text together). Noise and other draws that ask nobody
    get as many there as an attack that asks the victim itself: the control has as many tries as what it is compared with. Attacks made
    upon each other are judged on the one set that all have changed, made against the fused score.
    """
    if spec.attack.name == "clean":
        return ("clean",)
    part, *others = [made.loaded for _, made in parts(spec, attack, task)]
    if not touches(part, task):
        return ("untouched",)
    if spec.view != "auto":
        return (spec.view,)
    if others:
        return ("fused",)
    own = OWN_VIEW[part.modality]
    drawn = part.modality == "image" and part.random and (victim is None or VIEW_TASK[own] in victim.tasks)
    members = source.members if isinstance(source, Ensemble) else () if source is None else (source,)
    if task == "IT2T" and any(VIEW_TASK[own] not in member.tasks for member in members):
        return ("fused",)
    return (own, "fused") if task == "IT2T" and (part.needs != "nothing" or drawn) else (own,)
