"""The embedded knowledge base: whole, unambiguous where it must be, ambiguous where it is meant to be."""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib.resources import as_file, files
from pathlib import Path
from string import ascii_uppercase

import pytest

from robustmel.errors import UsageError
from robustmel.kb.entities_file import read_entities
from robustmel.records.load_report import LoadReport
from robustmel.world.knowledge_base import facts, world_knowledge_base

KB = world_knowledge_base()
SIGNALS = [entity for entity in KB if entity.type == "signal flag"]

SHARED_SURFACES = {
    "Carolina": {"north-carolina", "south-carolina"},
    "Congo": {"congo-democratic-republic", "congo-republic"},
    "Georgia": {"georgia-country", "georgia-us-state"},
    "Guinea": {"equatorial-guinea", "guinea", "guinea-bissau", "papua-new-guinea"},
    "India": {"india", "signal-india"},
    "Ireland": {"ireland", "northern-ireland"},
    "Korea": {"north-korea", "south-korea"},
    "Lima": {"lima", "signal-lima"},
    "Quebec": {"quebec", "signal-quebec"},
    "Samoa": {"samoa", "american-samoa"},
    "Sierra": {"sierra-leone", "signal-sierra"},
    "Sudan": {"sudan", "south-sudan"},
}


def test_the_file_is_a_normal_knowledge_base_of_the_own_format() -> None:
    report = LoadReport(layout="test")
    with as_file(files("robustmel.world") / "entities.jsonl") as path:
        kb = read_entities(path, path.parent, None, report)
    assert kb.ids == KB.ids
    assert set(report.counts) <= {"ignored_keys"}
    assert report.examples["ignored_keys"] == ["entities.jsonl: facts"]


def test_there_are_enough_entities_of_every_kind() -> None:
    counts = Counter(entity.type for entity in KB)
    assert set(counts) == {"country", "territory", "region", "city", "signal flag"}
    assert len(KB) >= 165
    assert counts["country"] >= 120
    assert counts["territory"] + counts["region"] + counts["city"] >= 20


def test_the_forty_signal_flags_are_complete() -> None:
    series = Counter(facts(entity.id)["series"] for entity in SIGNALS)
    assert series == {"letter": 26, "numeral": 10, "substitute": 3, "answering": 1}
    letters = {facts(entity.id)["character"]: entity for entity in SIGNALS if facts(entity.id)["series"] == "letter"}
    assert sorted(letters) == list(ascii_uppercase)
    # In the alphabet of the code every word begins with its letter.
    assert all(entity.name.startswith(letter) for letter, entity in letters.items())
    assert all(f"signal flag {letter}" in entity.aliases for letter, entity in letters.items())
    assert KB.named("Blue Peter") == ("signal-papa",)
    assert all(entity.qid is None for entity in SIGNALS)


@pytest.mark.parametrize("surface", SHARED_SURFACES)
def test_a_shared_surface_names_each_of_its_bearers(surface: str) -> None:
    assert set(KB.named(surface)) == SHARED_SURFACES[surface]


def test_no_other_surface_is_shared_and_labels_are_unique() -> None:
    surfaces = {surface for entity in KB for surface in (entity.name, *entity.aliases)}
    assert {surface for surface in surfaces if len(KB.named(surface)) > 1} == set(SHARED_SURFACES)
    assert len({entity.name for entity in KB}) == len(KB)


def test_ids_are_slugs_and_wikidata_ids_are_well_formed_and_unique() -> None:
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", entity.id) for entity in KB)
    qids = [entity.qid for entity in KB if entity.qid is not None]
    assert all(re.fullmatch(r"Q[1-9]\d*", qid) for qid in qids)
    assert len(set(qids)) == len(qids)
    assert all(entity.qid is not None for entity in KB if entity.type != "signal flag")


def test_wikidata_ids_agree_with_those_of_the_real_pictures(shared_data: Path) -> None:
    path = shared_data / "photos" / "flags" / "entities.jsonl"
    if not path.is_file():
        pytest.skip("no photos/flags among the real files")
    theirs = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    ours = {entity.qid: entity for entity in KB}
    for record in theirs:
        entity = ours[record["qid"]]
        assert record["name"] in (entity.name, *entity.aliases)


def test_every_text_has_two_to_four_sentences_one_of_them_on_the_flag() -> None:
    for entity in KB:
        # A full stop within "U.S." or "D.C." ends no sentence.
        sentences = re.split(r"(?<!U\.S)(?<!D\.C)\. (?=[A-ZÅÉ])", entity.text)
        assert 2 <= len(sentences) <= 4, entity.id
        assert re.search(r"\b(flag|pennant)\b", sentences[-1]), entity.id
        assert entity.text.endswith(".")
        assert entity.description


def test_facts_are_clues_that_fit_the_kind() -> None:
    for entity in KB:
        clues = facts(entity.id)
        assert all(isinstance(value, str) and value for value in clues.values())
        wanted = {"series", "character", "meaning"} if entity.type == "signal flag" else {"region", "continent", "demonym"}
        assert wanted <= set(clues), entity.id
        if entity.type == "country":
            assert {"capital", "language"} <= set(clues), entity.id
    with pytest.raises(UsageError, match='Did you mean "france"'):
        facts("frnace")


def test_a_neighbour_is_mutual_between_countries() -> None:
    names = {surface: entity for entity in KB if entity.type == "country" for surface in (entity.name, *entity.aliases)}
    checked = 0
    for entity in KB:
        other = names.get(facts(entity.id).get("neighbour", ""))
        if entity.type == "country" and other is not None and len(KB.named(facts(entity.id)["neighbour"])) == 1:
            short = re.sub(r" \(.*\)", "", entity.name).removeprefix("Republic of ")
            assert short in other.text, (entity.id, other.id)
            checked += 1
    assert checked > 80


def test_popularity_is_positive_and_skewed() -> None:
    weights = sorted((entity.popularity for entity in KB), reverse=True)
    assert weights[-1] > 0
    assert len(set(weights)) == len(weights)
    assert sum(weights[: len(weights) // 10]) > 0.5 * sum(weights)
    assert KB["france"].popularity > KB["tuvalu"].popularity
    assert KB["india"].popularity > 10 * KB["signal-india"].popularity
