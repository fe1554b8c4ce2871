"""What one process needs to make artefacts: the store, and the components it has loaded so far."""

from __future__ import annotations

import shutil
import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from robustmel.attacks import ATTACKS
from robustmel.candidates import CANDIDATES
from robustmel.columnar import Columnar, taken
from robustmel.datasets import DATASETS
from robustmel.datasets.dataset import Dataset
from robustmel.defences import DEFENCES
from robustmel.errors import MissingError, RobustMELError, UsageError
from robustmel.item_seeds import item_seed
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.plug_ins.process_settings import undisturbed
from robustmel.poisoning.selection import Records
from robustmel.registry import Component, own_parameters
from robustmel.run.components import ComponentSpec, Defended
from robustmel.run.jobs import Answers, Candidates, Demos, Job, Poison, Split, Training, Variant
from robustmel.run.keys import canonical
from robustmel.run.stages.candidates import candidates_of, lists_of, sample
from robustmel.run.stages.link import link
from robustmel.run.stages.overlays import complete_overlay, overlaid_kb, overlaid_mentions, overlaid_queries, read_overlay
from robustmel.run.stages.perturb import perturb
from robustmel.run.stages.shards import ProgressCallback, column, only_share
from robustmel.run.store import Store
from robustmel.run.writing import writing
from robustmel.types import Entity, Mention, Query, opaque_id

if TYPE_CHECKING:
    from robustmel.linkers.contract import Linker

DEMO_FILE = "demos.jsonl"
"""Of a poison of demonstrations: all of them, as the linker reads them."""

LINKERS_HELD = 3
"""Linkers kept in memory at once; a grid of many large ones must not hold them all."""


class Builder:
    """Makes artefacts in this process."""

    def __init__(self, store: Store, device: str = "auto") -> None:
        self.store = store
        self.device = device
        self._datasets: dict[tuple[str, str], Dataset] = {}
        self._linkers: OrderedDict[str, Linker] = OrderedDict()
        self._queries: dict[str, tuple[Columnar[Query], list[str | None]]] = {}

    def make(self, job: Job, progress: ProgressCallback) -> bool:
        """Makes one artefact whose needs are there; does nothing where it is there already. Whether this call made it.

        Raises:
            MissingError: What it needs is not as it was written.
        """
        return self.store.keep(job.kind, job.key, lambda folder: self._maker(job)(job, progress, folder))

    def make_share(self, job: Job, share: int, of: int, progress: ProgressCallback) -> None:
        """Does those shards of an artefact whose number modulo `of` is `share`; any number of processes may do this at once."""
        folder = self.store.partial(job.kind, job.key)
        if not self.store.has(job.kind, job.key):
            with writing(self.store.root, "choose another --store"), only_share(share, of):
                folder.mkdir(parents=True, exist_ok=True)
                try:
                    self._maker(job)(job, progress, folder)
                except OSError:
                    if not self.store.has(job.kind, job.key):
                        raise  # else another made the whole meanwhile and moved the folder
        if self.store.has(job.kind, job.key):
            shutil.rmtree(folder, ignore_errors=True)  # another made the whole meanwhile

    def _maker(self, job: Job) -> Callable[..., dict[str, Any]]:
        for need in job.needs:
            self.store.sound(need.kind, need.key, need.title)
        makers: dict[type[Any], Callable[..., dict[str, Any]]] = {
            Candidates: self._candidates,
            Poison: self._poison,
            Training: self._train,
            Variant: self._perturb,
            Answers: self._link,
        }
        return makers[type(job)]

    def dataset(self, component: Component, split: str) -> Dataset:
        """A data set, loaded once; those that make their splits one by one are asked for the split alone."""
        if component.instance is not None:
            return cast(Dataset, component.instance)
        dataset_key = (component.written, split)
        if dataset_key not in self._datasets:
            loader = DATASETS.create(component.name, **component.params)
            loaded = loader.load(split)
            if not isinstance(loaded, Dataset):
                raise UsageError(f"dataset {component.title}: load must return a Dataset, not {type(loaded).__name__}.")
            self._datasets[dataset_key] = loaded
        return self._datasets[dataset_key]

    def sampled(self, component: Component, split: str, limit: int | None, seed: int) -> tuple[Dataset, Columnar[Mention]]:
        """A data set and those of its mentions that a grid asks for."""
        dataset = self.dataset(component, split)
        return dataset, cast(Columnar[Mention], sample(dataset.mentions, limit, seed))

    def training_mentions(self, component: Component) -> Sequence[Mention]:
        """The mentions of the training split, if there is one."""
        if component.instance is not None:
            source = component.instance.source
            return () if source is None else self.training_mentions(source)
        if getattr(DATASETS.load(component.name), "lazy_splits", False):
            return self.dataset(component, "train").mentions
        whole = self.dataset(component, "all").mentions
        return taken(whole, [place for place, mention in enumerate(whole) if mention.split == "train"])

    def records(self, of: Split | Candidates | Demos) -> Records:
        """What a poison may corrupt."""
        if isinstance(of, Demos):
            demos = of.linker.loaded_from(LINKERS).demo_records(**self._parameters(of.linker))
            names = dict.fromkeys(str(demo.gold) for demo in demos)
            return Records(of.linker.title, "demonstrations", demos, demos, KnowledgeBase(Entity(name, name) for name in names))
        if isinstance(of, Candidates):
            asked, mentions = self.sampled(of.dataset, of.split, of.limit, of.sample_seed)
            return Records(asked.name, "queries", mentions, self.training_mentions(of.dataset), asked.kb)
        dataset, train = self.dataset(of.dataset, "all"), self.training_mentions(of.dataset)
        whole = of.split == "all"
        what = "mentions" if whole else "training mentions"
        kb = KnowledgeBase(()) if dataset.report.counts["no_entities_file"] else dataset.kb
        return Records(dataset.name, what, dataset.mentions if whole else train, train, kb)

    def linker(self, victim: Defended, candidates: Candidates, variant: Variant | Poison | None = None) -> Linker:
        """A linker behind its defence, over the knowledge base as the variant leaves it; the last few stay loaded.

        Raises:
            RobustMELError: What stands there lacks a capability that its defence said it has.
        """
        overlay = self.path(variant) if variant is not None and read_overlay(self.path(variant), "entities") else None
        linker_key = canonical([victim.identity, candidates.data["kb"], variant.key if overlay and variant else None])
        if linker_key not in self._linkers:
            kb = self.dataset(candidates.dataset, candidates.split).kb
            while len(self._linkers) >= LINKERS_HELD:
                self._linkers.popitem(last=False)
            with undisturbed():
                self._linkers[linker_key] = self._defended(victim, overlaid_kb(kb, overlay) if overlay else kb, candidates)
        self._linkers.move_to_end(linker_key)
        return self._linkers[linker_key]

    def path(self, job: Job) -> Path:
        """Where an artefact lies, or would lie."""
        return self.store.path(job.kind, job.key)

    def asked(self, candidates: Candidates) -> tuple[Columnar[Query], list[str | None]]:
        """The queries, and apart from them the gold ids."""
        if candidates.key not in self._queries:
            dataset, mentions = self.sampled(candidates.dataset, candidates.split, candidates.limit, candidates.sample_seed)
            listed = lists_of(self.path(candidates))
            queries = mentions.beside(listed, lambda mention, ids: mention.query(dataset.name, ids))
            self._queries[candidates.key] = (queries, [mention.gold and sys.intern(mention.gold) for mention in mentions])
        return self._queries[candidates.key]

    def attack(self, spec: ComponentSpec) -> Any:
        """The attack of a specification."""
        return spec.component.instance or ATTACKS.load(spec.component.name)(**spec.parameters)

    def _defended(self, victim: Defended, kb: KnowledgeBase, candidates: Candidates) -> Linker:
        instance = victim.defence.component.instance
        defence = instance or DEFENCES.load(victim.defence.component.name)(kb, **victim.defence.parameters)
        resources = {"train": self.training_mentions(candidates.dataset)} if "train" in getattr(defence, "uses", ()) else {}
        linker: Linker = defence.defend(self._bare(victim.linker, kb), **resources)
        able = victim.capabilities
        for promised, method in ((able.gradients, "logits"), (able.scores, "scores")):
            if promised and getattr(linker, method, None) is None:
                raise RobustMELError(
                    f"defence {victim.defence.title} declares that it keeps the linker's {method}, but its object has none."
                )
        return linker

    def _bare(self, spec: ComponentSpec, kb: KnowledgeBase) -> Linker:
        instance = spec.component.instance
        if instance is not None and (getattr(instance, "kb", None) is kb or spec.component.name not in LINKERS):
            return cast("Linker", instance)
        parameters, loaded = self._parameters(spec), LINKERS.load(spec.component.name)
        if "device" in own_parameters(loaded) and "device" not in spec.component.params:
            parameters["device"] = self.device
        linker: Linker = loaded(kb, **parameters)
        return linker

    def _parameters(self, spec: ComponentSpec) -> dict[str, Any]:
        """A linker's, with the weights and demonstrations that were made for it."""
        parameters = dict(spec.parameters)
        if spec.training is not None:
            parameters["model"] = str(self.path(spec.training) / "model")
        if spec.demos is not None:
            parameters["demo_file"] = str(self.path(spec.demos) / DEMO_FILE)
        return parameters

    def _candidates(self, job: Candidates, progress: ProgressCallback, folder: Path) -> dict[str, Any]:
        dataset, mentions = self.sampled(job.dataset, job.split, job.limit, job.sample_seed)
        generator = CANDIDATES.create(job.generator.component.name, **job.generator.component.params)
        train = self.training_mentions(job.dataset) if getattr(generator, "uses_train", False) else ()
        facts = candidates_of(dataset, mentions, generator, train, folder)
        progress(1, 1)
        return facts | {"generator": job.generator.identity}

    def _poison(self, job: Poison, progress: ProgressCallback, folder: Path) -> dict[str, Any]:
        from robustmel.run.stages.poison import poison

        attack = None if job.attack is None else self.attack(job.attack)
        name = "none" if job.attack is None else job.attack.identity["name"]
        records = self.records(job.records)
        if attack is not None and getattr(attack, "knows_records", False):
            attack = attack.among({opaque_id(records.dataset, record.id): record for record in records.mentions}, records.kb)
        facts = poison(records, attack, name, job.how, job.seed, folder, progress)
        if isinstance(job.records, Demos):
            ids = [opaque_id(records.dataset, mention.id) for mention in records.mentions]
            linker, poisoned = job.records.linker, list(overlaid_mentions(records.mentions, ids, folder))
            linker.loaded_from(LINKERS).write_demo_file(folder / DEMO_FILE, poisoned, **self._parameters(linker))
        return facts | {"attack": job.attack.identity if job.attack else None, "how": job.how.identity}

    def _train(self, job: Training, progress: ProgressCallback, folder: Path) -> dict[str, Any]:
        from robustmel.run.stages.train import train_checkpoint

        datasets = [self.dataset(component, "all") for component in job.datasets]
        for place, poison in enumerate(job.poisons):
            dataset = datasets[place]
            train = [mention for mention in dataset.mentions if mention.split == "train"]
            ids = [opaque_id(dataset.name, mention.id) for mention in train]
            edited = {mention.id: mention for mention in overlaid_mentions(train, ids, self.path(poison))}
            datasets[place] = replace(dataset, mentions=tuple(edited.get(mention.id, mention) for mention in dataset.mentions))
        return train_checkpoint(datasets, job, folder / "model", progress)

    def _perturb(self, job: Variant, progress: ProgressCallback, folder: Path) -> dict[str, Any]:
        attack = self.attack(job.component)
        queries, gold = self.asked(job.candidates)
        if job.source is not None and job.source.random:
            queries = _seeded(queries, job.seed, job.made_on)
        if job.upon is not None:
            queries = overlaid_queries(queries, self.path(job.upon), attack.writes)
        linkers = [self.linker(source, job.candidates) for source in job.asked]
        kb = self.dataset(job.candidates.dataset, job.candidates.split).kb
        if not all(source.capabilities.open_answers and source.capabilities.scores for source in job.asked):
            queries = listing(queries, kb)
        facts = perturb(job, attack, linkers, kb, queries, gold, folder, progress)
        if job.upon is not None:
            complete_overlay(folder, self.path(job.upon))
        seconds = sum(seconds or 0 for seconds in column(folder / "log.parquet", "seconds"))  # by whichever process
        cost = {"seconds": seconds, "passes": facts["queries"]}
        of = {"attack": job.component.identity, "modality": attack.modality, "view": job.view, "logits": job.attack.logits}
        source: dict[str, Any] = {"source": None}
        if job.source:
            source = {"source": job.source.identity, "source_title": job.made_on}
        return facts | of | {"max_side": job.attack.max_side} | source | cost

    def _link(self, job: Answers, progress: ProgressCallback, folder: Path) -> dict[str, Any]:
        linker = self.linker(job.victim, job.candidates, job.variant)
        queries, gold = self.asked(job.candidates)
        kb = self.dataset(job.candidates.dataset, job.candidates.split).kb
        if not job.victim.capabilities.open_answers:
            queries = listing(queries, kb)
        if job.variant is not None:
            queries = overlaid_queries(queries, self.path(job.variant))
        if job.victim.random:
            queries = _seeded(queries, job.seed, job.victim.title)
        title, clean = job.victim.linker.title, job.variant is None
        facts = link(queries, gold, kb, linker, job.task, job.batch_size, folder, progress, title, clean)
        if job.variant is not None:
            _still_there(self.path(job.variant), queries, folder)
            kind, key = job.variant.kind, job.variant.key
            facts |= {"made_of": {f"{kind}/{key}": self.store.manifest(kind, key)["content"]}}
        cut = linker.cut_texts(queries, job.task) if hasattr(linker, "cut_texts") else 0
        return facts | job.victim.identity | {"task": job.task, "cut_texts": cut}


def listing(queries: Columnar[Query], kb: KnowledgeBase) -> Columnar[Query]:
    """Open queries with the whole knowledge base as their list, for a linker that reads nothing else; one tuple serves all."""
    return queries.map(lambda query: replace(query, candidates=kb.ids) if query.candidates is None else query)


def _seeded(queries: Columnar[Query], stage_seed: int, name: str) -> Columnar[Query]:
    """The queries with a seed each, for a linker that draws."""
    return queries.map(lambda query: replace(query, seed=item_seed(stage_seed, name, query.id)))


def _still_there(variant: Path, queries: Sequence[Query], answers: Path) -> None:
    """Answers to images that another run removed in between must not be kept as answers to the set, nor their shards."""
    own = (query.image for query in queries if query.image and query.image.is_relative_to(variant))
    gone = next((image for image in own if not image.exists()), None)
    if gone is not None:
        shutil.rmtree(answers / "shards", ignore_errors=True)
        raise MissingError(f"{gone} was removed during linking. The same command recomputes it.")
