"""The artefacts a grid asks for, as values: what they are made of, and so their keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from robustmel.linkers import LINKERS
from robustmel.poisoning.poisoning import Poisoning
from robustmel.registry import Component
from robustmel.run.components import ComponentSpec, Defended, Ensemble, Source
from robustmel.run.grid import AttackSpec
from robustmel.run.keys import content_key
from robustmel.types import Task


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
    kind: ClassVar[str] = "candidates"
    needs: ClassVar[tuple[Job, ...]] = ()

    @cached_property
    def key(self) -> str:
        """From the bytes of mentions and knowledge base, and the generator."""
        return content_key({"stage": self.kind, "data": self.data, "generator": self.generator.identity})

    @property
    def open(self) -> bool:
        """Whether linkers are asked about the whole knowledge base."""
        return self.generator.component.name == "all"

    @property
    def title(self) -> str:
        """`candidates of world-news`."""
        return f"candidates of {self.name}"


@dataclass(frozen=True)
class Split:
    """The mentions of one split of a data set, or all."""

    dataset: Component
    split: str = "train"


@dataclass(frozen=True)
class Demos:
    """The demonstrations that a linker shows."""

    linker: ComponentSpec


@dataclass(frozen=True)
class Poison:
    """Records of which a share is corrupted.

    Args:
        records: Which records they are.
        data: Digest of all that decides which are chosen and what becomes of them.
        attack: Edits their texts, asking nobody; None leaves the words as they are.
        how: The share, and what else is done.
        seed: Of the lot and of the edits.
        name: What progress displays call the records.
    """

    records: Split | Candidates | Demos
    data: str
    attack: ComponentSpec | None
    how: Poisoning
    seed: int
    name: str
    kind: ClassVar[str] = "poison"

    @cached_property
    def key(self) -> str:
        """The seed always counts: it says which records are chosen."""
        of = {"stage": self.kind, "data": self.data, "attack": self.attack.identity if self.attack else None}
        return content_key(of | {"how": self.how.identity, "seed": self.seed})

    @property
    def needs(self) -> tuple[Job, ...]:
        """The checkpoint that the demonstrations lie in, where it is trained first."""
        training = self.records.linker.training if isinstance(self.records, Demos) else None
        return () if training is None else (training,)

    @property
    def title(self) -> str:
        """`poison of world-news by clare`."""
        return f"poison of {self.name}" + (f" by {self.attack.title}" if self.attack else "")


@dataclass(frozen=True)
class Training:
    """A trained linker's weights: what a recipe makes of training data, poisoned or not."""

    recipe: Mapping[str, Any] = field(hash=False)
    identity: Mapping[str, Any] = field(hash=False)
    datasets: tuple[Component, ...]
    data: tuple[str, ...]
    poisons: tuple[Poison, ...]
    seed: int
    name: str
    kind: ClassVar[str] = "training"

    @cached_property
    def key(self) -> str:
        """From the recipe, the bytes of the data, what poisoned them, and the seed."""
        of = {"stage": self.kind, "recipe": dict(self.identity), "data": list(self.data), "seed": self.seed}
        return content_key(of | {"poisons": [poison.key for poison in self.poisons]})

    @property
    def needs(self) -> tuple[Job, ...]:
        """The poisoned training data, where there are any."""
        return self.poisons

    @property
    def title(self) -> str:
        """`training of my-clip, seed 0`."""
        return f"training of {self.name}"


@dataclass(frozen=True)
class Variant:
    """A data set under attack: what one attack overlays, guided by one source (None for an attack that asks nobody)."""

    candidates: Candidates
    attack: AttackSpec
    component: ComponentSpec
    source: Source | None
    view: Task
    seed: int
    batch_size: int
    upon: Variant | Poison | None = None
    kind: ClassVar[str] = "variant"

    @cached_property
    def key(self) -> str:
        """The seed is left out where nothing is drawn; the batch size decides the last bits of float sums."""
        of: dict[str, Any] = {"stage": self.kind, "candidates": self.candidates.key, "attack": self.component.identity}
        of |= {"max_side": self.attack.max_side, "batch_size": self.batch_size}
        if self.source is not None:
            of |= {"source": self.source.identity, "view": self.view, "logits": self.attack.logits}
            of |= {"eot": self.draws} if self.draws > 1 else {}
        if self.component.random or (self.source is not None and self.source.random):
            of["seed"] = self.seed
        if self.upon is not None:
            of["upon"] = self.upon.key
        return content_key(of)

    @property
    def needs(self) -> tuple[Job, ...]:
        """The candidates, the classes an attack confuses, the set it is made upon, and the weights of those it asks."""
        return (self.candidates, *([self.upon] if self.upon else ()), *_made_for(self.asked))

    @property
    def beneath(self) -> tuple[Variant, ...]:
        """The attacked sets that this one is made upon, the last first."""
        return (self.upon, *self.upon.beneath) if isinstance(self.upon, Variant) else ()

    @property
    def asked(self) -> tuple[Defended, ...]:
        """Those that the attack asks."""
        return self.source.ordered if isinstance(self.source, Ensemble) else (self.source,) if self.source else ()

    @property
    def draws(self) -> int:
        """Fresh draws at each question to the source; 1 where it draws nothing."""
        return self.attack.eot if self.source is not None and self.source.random else 1

    @property
    def made_on(self) -> str:
        """Their names; "" where nobody is asked."""
        return self.source.names if isinstance(self.source, Ensemble) else self.source.title if self.source else ""

    @property
    def title(self) -> str:
        """`pgd-strong on clip-world for I2T, world-news`."""
        on = f" on {self.made_on}" if self.source else ""
        return f"{self.attack.title}{on} for {self.view}, {self.candidates.name}"


@dataclass(frozen=True)
class Answers:
    """What a linker behind its defence answers to every mention of a variant, or of poisoned queries (None is the clean set)."""

    candidates: Candidates
    victim: Defended
    task: Task
    variant: Variant | Poison | None
    seed: int
    batch_size: int
    kind: ClassVar[str] = "answers"

    @cached_property
    def key(self) -> str:
        """The seed is left out where nothing is drawn: one artefact serves all seeds."""
        of: dict[str, Any] = {"stage": self.kind, "candidates": self.candidates.key, **self.victim.identity}
        of |= {"task": self.task, "variant": self.variant.key if self.variant else None}
        if self.victim.random:
            of["seed"] = self.seed
        if self.victim.linker.identity["name"] not in LINKERS.own:
            of["scores"] = 64  # bits; those of other packages' linkers were kept with 32 before
        return content_key(of)

    @property
    def needs(self) -> tuple[Job, ...]:
        """The candidates, the perturbed set where there is one, and the weights."""
        before = (self.candidates, self.variant) if self.variant else (self.candidates,)
        return (*before, *_made_for([self.victim]))

    @property
    def title(self) -> str:
        """`clip-world answers I2T: pgd-strong on clip-world for I2T, world-news`."""
        under = self.variant.title if self.variant else f"clean, {self.candidates.name}"
        return f"{self.victim.linker.title} answers {self.task}: {under}"


Job = Candidates | Poison | Training | Variant | Answers
"""An artefact to be made: its `kind` is the store's folder, its `key` its content key, `needs` must be there first, and a progress
display calls it by its `title`."""


def _made_for(linkers: Iterable[Defended]) -> list[Job]:
    """The weights and demonstrations that linkers need first."""
    return [job for defended in linkers for job in (defended.linker.training, defended.linker.demos) if job is not None]
