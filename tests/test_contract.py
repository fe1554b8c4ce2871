"""One test that walks every registry: a component gets its tests by its line in the table."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import pkgutil
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import robustmel
import robustmel.attacks
import robustmel.candidates
import robustmel.datasets
import robustmel.defences
import robustmel.defences.adaptive_attacks
import robustmel.defences.detectors
import robustmel.linkers
from robustmel.attacks import ATTACKS
from robustmel.attacks.contract import replayed
from robustmel.attacks.image.item_noise import ItemNoise
from robustmel.candidates import CANDIDATES
from robustmel.datasets import DATASETS
from robustmel.datasets.world import WorldNews
from robustmel.defences import DEFENCES
from robustmel.defences.detectors import DETECTORS
from robustmel.images import decode
from robustmel.item_seeds import item_seed
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.conformance import conformance
from robustmel.linkers.contract import capabilities
from robustmel.registry import Preset, Registry, own_parameters
from robustmel.run.keys import plain
from robustmel.run.stages.objective import LinkerObjective
from robustmel.types import TASKS, Mention, Perturbation, Query, TextEdit

REGISTRIES: dict[str, tuple[Registry, ModuleType, str]] = {
    "attack": (ATTACKS, robustmel.attacks, "perturb"),
    "candidates": (CANDIDATES, robustmel.candidates, "candidates"),
    "dataset": (DATASETS, robustmel.datasets, "load"),
    "detector": (DETECTORS, robustmel.defences.detectors, "scores"),
    "defence": (DEFENCES, robustmel.defences, "defend"),
    "linker": (LINKERS, robustmel.linkers, "link"),
}
ABOVE = {"attack": [robustmel.defences.adaptive_attacks]}
"""Further folders of a kind: of components that others must not know."""
EVERY = [(kind, name) for kind, (registry, _, _) in REGISTRIES.items() for name in registry]
SHORT: dict[str, dict[str, int]] = {
    "apgd-t": {"steps": 5, "targets": 2},
    "autoattack": {"steps": 5, "targets": 2, "queries": 20},
    "cw": {"steps": 10},
    "descriptor-pgd": {"steps": 5},
    "fab": {"steps": 5, "targets": 2},
    "fmn": {"steps": 20},
    "square": {"queries": 40},
}
"""Budgets for attacks whose own are of thousands of passes."""
EMBEDDED = [name for name in LINKERS if isinstance(LINKERS[name], Preset)]
IMAGE_ATTACKS = [name for name in ATTACKS if ATTACKS.load(name).modality == "image"]
TEXT_ATTACKS = [name for name in ATTACKS if ATTACKS.load(name).modality == "text"]


@dataclass(frozen=True)
class World:
    kb: KnowledgeBase
    mentions: tuple[Mention, ...]
    queries: tuple[Query, ...]
    linker: Any


@pytest.fixture(scope="session")
def world() -> World:
    dataset = WorldNews().load("test")
    linker = LINKERS.create("clip-world", dataset.kb, device="cpu")
    mentions = [mention for mention in dataset.mentions if mention.gold in (mention.candidates or ())][:6]
    queries = [mention.query(dataset.name, mention.candidates or ()) for mention in mentions]
    return World(dataset.kb, tuple(mentions), tuple(queries), linker)


@pytest.fixture(scope="session")
def embedded(world: World) -> Callable[[str], Any]:
    """Each embedded linker, loaded once."""
    return cache(lambda name: LINKERS.create(name, world.kb, device="cpu"))


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_it_loads_and_says_what_it_is(kind: str, name: str) -> None:
    registry, _, method = REGISTRIES[kind]
    component = registry.load(name)
    assert callable(getattr(component, method))
    assert isinstance(component.version, int)
    assert (component.__doc__ or "").strip().endswith((".", ")")) or "Source:" in (component.__doc__ or "")


@pytest.mark.parametrize("name", [*ATTACKS, *DEFENCES])
def test_an_attack_or_a_defence_names_its_source(name: str) -> None:
    registry = ATTACKS if name in ATTACKS else DEFENCES
    assert "Source:" in (registry.load(name).__doc__ or "")


@pytest.mark.parametrize("name", DEFENCES)
def test_a_defence_offers_what_it_says_before_it_is_built(name: str, world: World) -> None:
    able = capabilities(type(world.linker))
    promised = DEFENCES.load(name).capabilities(able, **DEFENCES.parameters(name))
    assert json.loads(json.dumps(plain(DEFENCES.parameters(name)))) == plain(DEFENCES.parameters(name))
    if not promised.tasks:
        pytest.skip(f"{name} does nothing for a dual encoder, and says so")
    supplied = dict.fromkeys(DEFENCES.load(name).uses, ())
    defended = DEFENCES.create(name, world.kb).defend(world.linker, **supplied)
    assert set(promised.tasks) <= set(TASKS)
    assert hasattr(defended, "logits") >= promised.gradients
    assert hasattr(defended, "scores") >= promised.scores
    for task in promised.tasks:
        assert [answer.id for answer in defended.link(world.queries, task)] == [query.id for query in world.queries]


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, name in EVERY if kind in ("attack", "candidates")])
def test_its_parameters_round_trip(kind: str, name: str, lexicons: dict[str, dict[str, str]]) -> None:
    registry = REGISTRIES[kind][0]
    entry = registry[name]
    required = {
        key: "clip-world" for key, value in own_parameters(registry.load(name)).items() if value is inspect.Parameter.empty
    }
    parameters = registry.parameters(name, {} if isinstance(entry, Preset) else required | lexicons.get(name, {}))
    again = json.loads(json.dumps(plain(parameters)))
    one, two = registry.create(name, **parameters), registry.create(name, **again)
    assert dataclasses.is_dataclass(one)
    assert one == two
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.made_up = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", REGISTRIES)
def test_every_component_of_the_folder_is_in_the_table(kind: str) -> None:
    registry, package, method = REGISTRIES[kind]
    registered = {registry.load(name) for name in registry}
    folders = [package, *ABOVE.get(kind, [])]
    for info in (info for folder in folders for info in pkgutil.walk_packages(folder.__path__, f"{folder.__name__}.")):
        module = importlib.import_module(info.name)
        for cls in (one for one in vars(module).values() if inspect.isclass(one) and one.__module__ == module.__name__):
            complete = hasattr(cls, method) and isinstance(getattr(cls, "version", None), int)
            subclassed = any(cls in other.__mro__[1:] for other in registered)
            assert not complete or subclassed or cls in registered, f"{cls} is in no table"


def perturb(world: World, name: str, indices: Sequence[int], seed: int = 0) -> Perturbation:
    queries = [world.queries[index] for index in indices]
    pixels = (
        torch.from_numpy(np.stack([decode(query.image) for query in queries if query.image])).permute(0, 3, 1, 2).float() / 255
    )
    gold = torch.tensor(
        [query.candidates.index(str(world.mentions[index].gold)) for index, query in zip(indices, queries, strict=True)]
    )
    noise = ItemNoise([item_seed(seed, name, query.id) for query in queries], tuple(pixels.shape[1:]), torch.device("cpu"))
    objective = partial(LinkerObjective(world.linker, "I2T", "cosine", queries))
    found: Perturbation = ATTACKS.create(name, **SHORT.get(name, {})).perturb(pixels, objective, gold, noise)
    return found


@pytest.mark.parametrize("name", IMAGE_ATTACKS)
def test_an_attack_stays_in_the_box_and_in_its_budget(name: str, world: World) -> None:
    found = perturb(world, name, range(4))
    assert found.pixels.shape[0] == 4
    assert found.pixels.dtype == torch.float32
    assert found.pixels.min() >= 0
    assert found.pixels.max() <= 1
    if ATTACKS.load(name).threat_model == "linf":
        assert found.linf.max() <= ATTACKS.create(name).eps + 1e-6


@pytest.mark.parametrize("name", IMAGE_ATTACKS)
def test_neighbours_do_not_matter(name: str, world: World) -> None:
    together = perturb(world, name, range(4))
    alone = [perturb(world, name, [index]) for index in range(4)]
    assert together.succeeded.tolist() == [bool(one.succeeded[0]) for one in alone]


@pytest.mark.parametrize("name", IMAGE_ATTACKS)
def test_the_same_seed_gives_the_same_bytes(name: str, world: World) -> None:
    torch.manual_seed(1)
    one = perturb(world, name, range(3))
    torch.manual_seed(2)
    two = perturb(world, name, range(3))
    assert torch.equal(one.pixels, two.pixels)


@pytest.mark.parametrize("name", IMAGE_ATTACKS)
def test_an_attack_leaves_the_global_randomness_alone(name: str, world: World) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    perturb(world, name, range(1))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", TEXT_ATTACKS)
def test_a_text_attack_keeps_the_mention_and_its_word(name: str, world: World, lexicons: dict[str, dict[str, str]]) -> None:
    """The mention stays byte for byte where the span says, the changes replay, and neither neighbours nor global draws matter."""
    often = {"edit_rate": 0.5} if "edit_rate" in ATTACKS.parameters(name, lexicons.get(name)) else {}
    attack = ATTACKS.create(name, **often, **lexicons.get(name, {}))
    seeds = [item_seed(0, name, query.id) for query in world.queries]
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    edits: list[TextEdit] = attack.perturb(world.queries, None, [None] * len(seeds), seeds)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002
    assert any(edit.edits for edit in edits)
    for query, seed, edit in zip(world.queries, seeds, edits, strict=True):
        assert edit.surface == query.surface
        assert edit.span is not None
        assert edit.text[slice(*edit.span)] == query.surface
        assert edit.edits == len(edit.changes)
        assert (edit.text == query.text) == (edit.edits == 0)
        assert replayed(query.text, edit.changes) == edit.text
        assert edit.edits or edit.note
        assert attack.perturb([query], None, [None], [seed]) == [edit]


@pytest.mark.parametrize("name", EMBEDDED)
def test_an_embedded_linker_conforms(name: str) -> None:
    assert conformance(name) == []


@pytest.mark.parametrize(("name", "task"), [(name, task) for name in EMBEDDED for task in LINKERS.load(name).tasks])
def test_batches_do_not_change_answers(name: str, task: Any, world: World, embedded: Callable[[str], Any]) -> None:
    linker = embedded(name)
    together = linker.link(world.queries, task)
    alone = [linker.link([query], task)[0] for query in world.queries]
    assert [one.ranked[0] for one in together] == [one.ranked[0] for one in alone]
    assert [one.id for one in together] == [query.id for query in world.queries]


GENERATORS: dict[str, Callable[[], Any]] = {name: partial(CANDIDATES.create, name) for name in CANDIDATES if name != "dense"}
GENERATORS["dense"] = partial(CANDIDATES.create, "dense", encoder="clip-world")


@pytest.mark.parametrize("name", CANDIDATES)
def test_candidates_come_without_looking_at_the_answer(name: str, world: World) -> None:
    blind = [dataclasses.replace(mention, gold=None) for mention in world.mentions]
    train = world.mentions[3:]
    found = GENERATORS[name]().candidates(world.mentions, world.kb, train)
    assert found == GENERATORS[name]().candidates(blind, world.kb, train)
    lists = [world.kb.ids if listed is None else listed for listed in found]
    assert all(len(set(listed)) == len(listed) and set(listed) <= set(world.kb.ids) for listed in lists)


@pytest.mark.parametrize("name", ["world-news", "world-sport"])
def test_an_embedded_data_set_loads_by_split(name: str) -> None:
    loader = DATASETS.create(name)
    test = loader.load("test")
    assert test.name == name
    assert {mention.split for mention in test.mentions} == {"test"}
    assert all(mention.gold is None or mention.gold in test.kb for mention in test.mentions)


@pytest.mark.parametrize("name", [name for name in IMAGE_ATTACKS if name != "clean"])
def test_an_attack_by_its_name_runs_from_python(name: str, tmp_path: Path) -> None:
    """The API, the commands and the selftest share one path; here it is walked for every attack."""
    data = robustmel.load_dataset("world-news", split="test")[:2]
    result = robustmel.attack("clip-world", data, name, store=tmp_path, device="cpu", **SHORT.get(name, {}))
    assert [row["id"] for row in result.rows] == [mention.query("world-news", ()).id for mention in data]
    for mention, image in zip(data, result.images, strict=True):
        assert mention.image is not None
        assert image is None or image.size == decode(mention.image).shape[1::-1]


@pytest.mark.parametrize("name", TEXT_ATTACKS)
def test_a_text_attack_by_its_name_runs_from_python(name: str, tmp_path: Path, lexicons: dict[str, dict[str, str]]) -> None:
    data = robustmel.load_dataset("world-news", split="test")[:6]
    result = robustmel.attack("clip-world", data, name, task="T2T", store=tmp_path, device="cpu", **lexicons.get(name, {}))
    assert [row["id"] for row in result.rows] == [mention.query("world-news", ()).id for mention in data]
    assert all((row["edits"] > 0) != ("nothing edited" in row["note"]) for row in result.rows)
    assert any(row["edits"] for row in result.rows)
