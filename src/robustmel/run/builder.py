"""What one process needs to make artefacts: the store, and the components it has loaded so far."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from robustmel.attacks import ATTACKS
from robustmel.candidates import CANDIDATES
from robustmel.datasets import DATASETS
from robustmel.datasets.dataset import Dataset
from robustmel.defences import DEFENCES
from robustmel.errors import MissingError
from robustmel.linkers import LINKERS
from robustmel.linkers.contract import Differentiable
from robustmel.registry import Component, own_parameters
from robustmel.run.jobs import Answers, Candidates, ComponentSpec, Job, Variant
from robustmel.run.keys import canonical
from robustmel.run.stages.link import link
from robustmel.run.stages.questions import ask, sample
from robustmel.run.stages.shards import Progress, Row, read_table
from robustmel.run.store import Store
from robustmel.types import Mention, Query

if TYPE_CHECKING:
    from robustmel.linkers.contract import Linker

LINKERS_HELD = 3
"""Linkers kept in memory at once; a grid of many large ones must not hold them all."""


class Builder:
    """Makes artefacts in this process.

    Args:
        store: Where they go.
        device: "auto", "cpu" or "cuda": where linkers run; no part of any key.
    """

    def __init__(self, store: Store, device: str = "auto") -> None:
        self.store = store
        self.device = device
        self._datasets: dict[tuple[str, str], Dataset] = {}
        self._linkers: OrderedDict[str, Linker] = OrderedDict()
        self._queries: dict[str, tuple[list[Query], list[str | None]]] = {}

    def make(self, job: Job, progress: Progress) -> None:
        """Makes one artefact whose needs are there; does nothing where it is there already."""
        makers: dict[type[Any], Callable[..., dict[str, Any]]] = {
            Candidates: self._ask,
            Variant: self._perturb,
            Answers: self._link,
        }
        self.store.keep(job.kind, job.key, partial(makers[type(job)], job, progress))

    def dataset(self, component: Component, split: str) -> Dataset:
        """A data set, loaded once; those that make their splits one by one are asked for the split alone."""
        known = (canonical([component.name, repr(sorted(component.params.items()))]), split)
        if known not in self._datasets:
            loader = DATASETS.create(component.name, **component.params)
            self._datasets[known] = loader.load(split)
        return self._datasets[known]

    def sampled(self, component: Component, split: str, limit: int | None, seed: int) -> tuple[Dataset, list[Mention]]:
        """A data set and those of its mentions that a grid asks for."""
        dataset = self.dataset(component, split)
        return dataset, sample(dataset.mentions, limit, seed)

    def training_mentions(self, component: Component) -> tuple[Mention, ...]:
        """The mentions of the training split, if there is one."""
        if getattr(DATASETS.load(component.name), "lazy_splits", False):
            return self.dataset(component, "train").mentions
        return tuple(mention for mention in self.dataset(component, "all").mentions if mention.split == "train")

    def linker(self, made: ComponentSpec, defence: ComponentSpec, questions: Candidates) -> Linker:
        """A linker behind its defence, over the knowledge base of the questions; the last few stay loaded."""
        known = canonical([made.identity, defence.identity, questions.data["kb"]])
        if known not in self._linkers:
            kb = self.dataset(questions.dataset, questions.split).kb
            parameters = dict(made.parameters)
            if "device" in own_parameters(LINKERS.load(made.component.name)) and "device" not in made.component.params:
                parameters["device"] = self.device
            while len(self._linkers) >= LINKERS_HELD:
                self._linkers.popitem(last=False)
            bare = LINKERS.load(made.component.name)(kb, **parameters)
            self._linkers[known] = DEFENCES.create(defence.component.name, **defence.component.params).defend(bare)
        self._linkers.move_to_end(known)
        return self._linkers[known]

    def asked(self, questions: Candidates) -> tuple[list[Query], list[str | None]]:
        """The queries, and apart from them the gold ids."""
        if questions.key not in self._queries:
            rows = read_table(self.store.path(questions.kind, questions.key) / "questions.parquet")
            dataset, mentions = self.sampled(questions.dataset, questions.split, questions.limit, questions.sample_seed)
            same: dict[tuple[str, ...], tuple[str, ...]] = {}  # with candidates = "all" one list serves every mention
            lists = [same.setdefault(one, one) for one in (tuple(row["candidates"]) for row in rows)]
            queries = [mention.query(dataset.name, one) for mention, one in zip(mentions, lists, strict=True)]
            self._queries[questions.key] = (queries, [mention.gold for mention in mentions])
        return self._queries[questions.key]

    def _ask(self, job: Candidates, progress: Progress, folder: Path) -> dict[str, Any]:
        dataset, mentions = self.sampled(job.dataset, job.split, job.limit, job.sample_seed)
        generator = CANDIDATES.create(job.generator.component.name, **job.generator.component.params)
        train = self.training_mentions(job.dataset) if getattr(generator, "uses_train", False) else ()
        facts = ask(dataset, mentions, generator, train, folder)
        progress(1, 1)
        return facts | {"generator": job.generator.identity}

    def _perturb(self, job: Variant, progress: Progress, folder: Path) -> dict[str, Any]:
        import torch

        from robustmel.run.stages.objective import objective_of
        from robustmel.run.stages.perturb import AttackContext, perturb

        attack = ATTACKS.load(job.made.component.name)(**job.made.parameters)
        queries, gold = self.asked(job.questions)
        objective, device = None, torch.device("cpu")
        if job.source is not None:
            linkers = [cast(Differentiable, self.linker(one, job.defence, job.questions)) for one in job.linkers]
            objective = partial(objective_of, linkers, job.view, job.attack.logits)
            device = torch.device(getattr(linkers[0], "device", "cpu"))
        aim = AttackContext(attack, objective, device, job.made.identity["name"], job.seed, job.attack.max_side)
        began = time.monotonic()
        facts = perturb(queries, gold, aim, job.batch_size, folder, progress)
        cost = {"seconds": time.monotonic() - began, "passes": facts["queries"]}
        of = {"attack": job.made.identity, "view": job.view, "logits": job.attack.logits, "max_side": job.attack.max_side}
        source: dict[str, Any] = {"source": None}
        if job.source:
            source = {"source": job.source.identity, "source_title": job.made_on, "defence_title": job.defence.component.title}
        return facts | of | source | cost

    def _link(self, job: Answers, progress: Progress, folder: Path) -> dict[str, Any]:
        linker = self.linker(job.linker, job.defence, job.questions)
        queries, _ = self.asked(job.questions)
        if job.variant is not None:
            queries = overlaid(queries, self.store.path(job.variant.kind, job.variant.key))
        facts = link(queries, linker, job.task, job.batch_size, folder, progress)
        if job.variant is not None:
            _still_there(self.store.path(job.variant.kind, job.variant.key), queries)
        cut = linker.cut_texts(queries, job.task) if hasattr(linker, "cut_texts") else 0
        return facts | {"linker": job.linker.identity, "task": job.task, "cut_texts": cut}


def _still_there(variant: Path, queries: Sequence[Query]) -> None:
    """Answers to images that another run removed in between must not be kept as answers to the set."""
    gone = [
        query.image for query in queries if query.image and query.image.is_relative_to(variant) and not query.image.exists()
    ]
    if gone:
        raise MissingError(
            f"{gone[0]} was removed while it was being linked (another run's keep?). The same command makes it anew."
        )


def overlaid(queries: list[Query], variant: Path) -> list[Query]:
    """The queries with the perturbed images in place of their own, where the variant has one."""
    log: list[Row] = read_table(variant / "log.parquet")
    images = {row["id"]: row["image"] for row in log if row["image"] is not None}
    return [replace(query, image=variant / images[query.id]) if query.id in images else query for query in queries]
