"""The mentions' stated proportions, and that nothing but picture and words tells who is meant."""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
from collections import Counter, defaultdict
from functools import cache

import numpy as np
import pytest
from scipy.stats import chi2

from robustmel.kb.knowledge_base import fold
from robustmel.world.confusions import CANDIDATES, candidates, lookalikes, ranking
from robustmel.world.flags import draw_flag
from robustmel.world.knowledge_base import world_knowledge_base
from robustmel.world.mentions import (
    AT_LEAST,
    DATASETS,
    SIZES,
    SPLITS,
    WorldMention,
    frequencies,
    has_namesake,
    kind_of,
    members,
    world_mentions,
)

Key = tuple[str, str]
SETS = list(itertools.product(DATASETS, SPLITS))
LARGE = list(itertools.product(DATASETS, ("train", "test")))


@cache
def made(key: Key) -> list[WorldMention]:
    """Made once for all tests."""
    return world_mentions(*key)


@pytest.mark.parametrize("hash_seed", ["0", "99"])
def test_another_process_makes_the_same_mentions(hash_seed: str) -> None:
    script = "from robustmel.world.mentions import world_mentions as make; print(repr(make('world-sport', 'test')), end='')"
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONIOENCODING": "utf-8"}
    theirs = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True).stdout
    ours = repr(made(("world-sport", "test"))).encode()
    assert hashlib.sha256(theirs).hexdigest() == hashlib.sha256(ours).hexdigest()


@pytest.mark.parametrize("key", SETS)
def test_every_span_holds_its_surface(key: Key) -> None:
    for mention in made(key):
        assert mention.text[slice(*mention.span)] == mention.surface


@pytest.mark.parametrize("key", SETS)
def test_sizes_are_as_stated_and_every_member_occurs(key: Key) -> None:
    dataset, split = key
    counts = Counter(mention.gold for mention in made(key))
    assert counts.total() == SIZES[split]
    assert counts.keys() == {entity.id for entity in members(dataset)}
    assert min(counts.values()) >= AT_LEAST[split]


def test_the_data_sets_overlap_but_differ() -> None:
    news, sport = ({entity.id for entity in members(dataset)} for dataset in DATASETS)
    assert min(len(news), len(sport)) >= 100
    assert len(news & sport) >= 80
    assert len(news - sport) >= 8
    assert len(sport - news) >= 20
    signals = {dataset: sum(kind_of(entity) == "signal" for entity in members(dataset)) for dataset in DATASETS}
    assert 3 <= signals["world-news"] < signals["world-sport"] == 40


@pytest.mark.parametrize("dataset", DATASETS)
def test_frequencies_are_skewed_by_popularity(dataset: str) -> None:
    counts = frequencies(dataset, "train")
    by_count = sorted(counts.values(), reverse=True)
    assert 0.25 < sum(by_count[: len(by_count) // 10]) / sum(by_count) < 0.6
    entities = sorted(members(dataset), key=lambda entity: entity.popularity)
    for namesakes in (False, True):
        ordered = [counts[entity.id] for entity in entities if has_namesake(entity) is namesakes]
        assert ordered == sorted(ordered)


@pytest.mark.parametrize("key", LARGE)
def test_a_good_share_of_surfaces_is_ambiguous(key: Key) -> None:
    kb = world_knowledge_base()
    share = np.mean([len(kb.named(mention.surface)) > 1 for mention in made(key)])
    assert 0.28 <= share <= 0.42


@pytest.mark.parametrize("key", LARGE)
def test_half_of_the_captions_give_a_clue(key: Key) -> None:
    assert 0.42 <= np.mean([mention.clue is not None for mention in made(key)]) <= 0.58


@pytest.mark.parametrize("key", LARGE)
def test_candidates_nearly_always_hold_the_gold(key: Key) -> None:
    recall = np.mean([mention.gold in mention.candidates for mention in made(key)])
    assert 0.955 <= recall <= 0.995


@pytest.mark.parametrize("key", SETS)
def test_candidates_are_ten_known_entities_and_depend_on_the_surface_alone(key: Key) -> None:
    found = defaultdict(set)
    for mention in made(key):
        assert len(set(mention.candidates)) == len(mention.candidates) == CANDIDATES
        found[fold(mention.surface)].add(frozenset(mention.candidates))
    assert all(len(sets) == 1 for sets in found.values())
    assert set().union(*itertools.chain(*found.values())) <= set(world_knowledge_base().ids)


@pytest.mark.parametrize("key", LARGE)
def test_the_place_among_the_candidates_says_nothing(key: Key) -> None:
    places = Counter(mention.candidates.index(mention.gold) for mention in made(key) if mention.gold in mention.candidates)
    expected = places.total() / CANDIDATES
    statistic = sum((places[place] - expected) ** 2 / expected for place in range(CANDIDATES))
    assert statistic < chi2.ppf(0.999, CANDIDATES - 1)


def test_namesakes_come_first_the_more_popular_before_the_less() -> None:
    kb = world_knowledge_base()
    named = kb.named("India")
    assert len(named) > 1
    assert list(ranking("india")[: len(named)]) == sorted(named, key=lambda entity_id: -kb[entity_id].popularity)


def test_a_misspelt_name_finds_its_entity_and_a_lookalike_is_offered() -> None:
    found = candidates("Romnaia", "any")
    assert {"romania", "chad"} <= set(found)


def test_the_nearest_flag_is_the_one_an_independent_comparison_names() -> None:
    def colours(entity_id: str) -> np.ndarray:
        return np.asarray(draw_flag(entity_id, 60).convert("RGB").resize((48, 32)), dtype=float)

    for entity_id, twin in (("romania", "chad"), ("indonesia", "monaco")):
        others = [other for other in world_knowledge_base().ids if other != entity_id]
        gaps = {other: np.abs(colours(other) - colours(entity_id)).mean() for other in others}
        assert lookalikes(entity_id)[0] == min(gaps, key=gaps.__getitem__) == twin
    assert len(lookalikes("chad")) == len(world_knowledge_base()) - 1


@pytest.mark.parametrize("key", SETS)
def test_ids_and_file_names_say_nothing_about_the_entity(key: Key) -> None:
    mentions = made(key)
    assert [mention.id for mention in mentions] == [f"{key[1]}-{number:05d}" for number in range(len(mentions))]
    assert [mention.image for mention in mentions] == [f"images/{number:05d}.png" for number in range(len(mentions))]
    assert _order_correlation(mentions) < 4 / np.sqrt(len(mentions))


def test_scene_seeds_never_repeat() -> None:
    seeds = [mention.scene_seed for key in SETS for mention in made(key)]
    assert len(seeds) == len(set(seeds))


def test_hardly_a_caption_is_seen_twice_in_training_and_test() -> None:
    for dataset in DATASETS:
        train, test = ({mention.text for mention in made((dataset, split))} for split in ("train", "test"))
        assert not train & test


def _order_correlation(mentions: list[WorldMention]) -> float:
    """How closely the order of the file follows the order of the knowledge base."""
    ids = world_knowledge_base().ids
    return float(abs(np.corrcoef(range(len(mentions)), [ids.index(mention.gold) for mention in mentions])[0, 1]))
