"""The artefacts a grid asks for, as values: what they are made of, and so their keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Protocol

from robustmel.registry import Component
from robustmel.run.grid import AttackSpec
from robustmel.run.keys import canonical, content_key, plain
from robustmel.types import Task


class Job(Protocol):
    """An artefact to be made."""

    @property
    def kind(self) -> str:
        """The store's folder: "candidates", "variant" or "rows"."""
        ...

    @property
    def key(self) -> str:
        """Its content key."""
        ...

    @property
    def needs(self) -> tuple[Job, ...]:
        """Artefacts that must be there first."""
        ...

    @property
    def title(self) -> str:
        """A few words for the progress display."""
        ...


@dataclass(frozen=True)
class ComponentSpec:
    """A component with all that decides its behaviour.

    Args:
        component: As the user named it.
        parameters: All of them, defaults included.
        identity: What enters the keys: name, parameters, version, digests of its files.
    """

    component: Component
    parameters: dict[str, Any] = field(hash=False)
    identity: dict[str, Any] = field(hash=False)

    @property
    def title(self) -> str:
        """What tables call it."""
        return self.component.title


@dataclass(frozen=True)
class Ensemble:
    """Several linkers attacked at once, by the average of their log-probabilities.

    Args:
        members: In any order; the artefact is the same.
        label: What tables call it; "" means that its members are named.
    """

    members: tuple[ComponentSpec, ...]
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
    def ordered(self) -> tuple[ComponentSpec, ...]:
        """The members in an order of their own, so that sums are the same to the last bit however a grid lists them."""
        return tuple(sorted(self.members, key=lambda member: canonical(member.identity)))

    @property
    def identity(self) -> dict[str, Any]:
        """What of it enters a key."""
        return {"ensemble": [member.identity for member in self.ordered], "version": self.version}


@dataclass(frozen=True)
class Candidates:
    """The sampled mentions of a data set with their candidates."""

    dataset: Component
    split: str
    limit: int | None
    sample_seed: int
    generator: ComponentSpec
    data: dict[str, Any] = field(hash=False)
    name: str
    count: int
    kind: str = "candidates"

    @cached_property
    def key(self) -> str:
        """From the bytes of mentions and knowledge base, and the generator."""
        return content_key({"stage": self.kind, "data": self.data, "generator": self.generator.identity})

    @property
    def needs(self) -> tuple[Job, ...]:
        """Nothing comes before."""
        return ()

    @property
    def title(self) -> str:
        """`candidates of world-news`."""
        return f"candidates of {self.name}"


@dataclass(frozen=True)
class Variant:
    """A perturbed set: one attack on one source (None for an attack that asks nobody), seen in one view."""

    questions: Candidates
    attack: AttackSpec
    made: ComponentSpec
    source: ComponentSpec | Ensemble | None
    defence: ComponentSpec
    view: Task
    seed: int
    batch_size: int
    kind: str = "variant"

    @cached_property
    def key(self) -> str:
        """The seed is left out where the attack draws nothing; the batch size decides the last bits of float sums."""
        of: dict[str, Any] = {"stage": self.kind, "questions": self.questions.key, "attack": self.made.identity}
        of |= {"max_side": self.attack.max_side, "batch_size": self.batch_size}
        if self.source is not None:
            of |= {"source": self.source.identity, "defence": self.defence.identity}
            of |= {"view": self.view, "logits": self.attack.logits}
        if self.made.identity["random"]:
            of["seed"] = self.seed
        return content_key(of)

    @property
    def needs(self) -> tuple[Job, ...]:
        """The candidates: the classes an attack confuses."""
        return (self.questions,)

    @property
    def linkers(self) -> tuple[ComponentSpec, ...]:
        """Those that the attack asks."""
        return self.source.ordered if isinstance(self.source, Ensemble) else (self.source,) if self.source else ()

    @property
    def made_on(self) -> str:
        """Their names; "" where nobody is asked."""
        return self.source.names if isinstance(self.source, Ensemble) else self.source.title if self.source else ""

    @property
    def title(self) -> str:
        """`pgd-strong on clip-world, I2T, world-news`."""
        on = f" on {self.made_on}, {self.view}" if self.source else ""
        return f"{self.attack.title}{on}, {self.questions.name}"


@dataclass(frozen=True)
class Answers:
    """A linker's answers to every mention of a variant (None is the clean set)."""

    questions: Candidates
    linker: ComponentSpec
    defence: ComponentSpec
    task: Task
    variant: Variant | None
    seed: int
    batch_size: int
    kind: str = "rows"

    @cached_property
    def key(self) -> str:
        """The seed is left out for a linker that draws nothing."""
        of: dict[str, Any] = {"stage": self.kind, "questions": self.questions.key, "linker": self.linker.identity}
        of |= {"defence": self.defence.identity, "task": self.task, "variant": self.variant.key if self.variant else None}
        if self.linker.identity["random"] or self.defence.identity["random"]:
            of["seed"] = self.seed
        return content_key(of)

    @property
    def needs(self) -> tuple[Job, ...]:
        """The candidates, and the perturbed set where there is one."""
        return (self.questions, self.variant) if self.variant else (self.questions,)

    @property
    def title(self) -> str:
        """`clip-world answers I2T, world-news, pgd-strong`."""
        under = self.variant.attack.title if self.variant else "clean"
        return f"{self.linker.component.title} answers {self.task}, {self.questions.name}, {under}"


def identity(
    name: str, parameters: dict[str, Any], component: type[Any], digests: dict[str, str], source: str = ""
) -> dict[str, Any]:
    """What of a component enters a key.

    Not where it runs, nor in how large batches; nor where its weights lie, since their digests stand for them.

    Args:
        name: As registered, presets resolved.
        parameters: All of them.
        component: The class.
        digests: Of the files behind it, its assets.
        source: Digest of the file that holds the class, for one of the user's own.
    """
    left_out = {"device", "batch_size"} | ({"model", "revision", "allow_pickle"} if digests else set())
    kept = {key: value for key, value in parameters.items() if key not in left_out}
    return {
        "name": name,
        "parameters": plain(kept),
        "version": getattr(component, "version", 1),
        "random": bool(getattr(component, "random", False)),
        "digests": digests,
    } | ({"source": source} if source else {})
