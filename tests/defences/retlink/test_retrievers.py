"""Evidence by name: the knowledge base, an index on disk, an encyclopaedia; the same sentences from each where they hold the same."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from tests.defences.retlink.test_sentences import TOY, Reader, asked, labels_of
from tests.retrieval.wiki_double import Wiki
from werkzeug import Response

from robustmel.defences import DEFENCES
from robustmel.defences.retlink.candidate_sentences import CandidateSentences
from robustmel.defences.retlink.descriptors import Descriptors
from robustmel.defences.retlink.retlink import RetLink
from robustmel.errors import MissingError
from robustmel.fetch.client import PoliteClient
from robustmel.fetch.hosts import Hosts
from robustmel.kb import KnowledgeBase
from robustmel.registry import Component
from robustmel.retrieval.evidence import Evidence
from robustmel.retrieval.pages import PageText
from robustmel.retrieval.text_index import FILE, build_text_index
from robustmel.retrieval.wikimedia.action_api import PATIENCE
from robustmel.retrieval.wikimedia.encyclopaedia import Encyclopaedia
from robustmel.run.components import component_spec
from robustmel.types import Entity


def filled(server: HTTPServer, store: Path) -> tuple[Wiki, Encyclopaedia]:
    """An encyclopaedia of the towns by title, and who asks it, keeping what it gets in a store."""
    wiki = Wiki(server)
    for entity in TOY:
        wiki.article(entity.name, entity.text)
    client = PoliteClient("a@example.org", Hosts(loopback=True), max_bytes=2**20, deadline=5)
    return wiki, Encyclopaedia(store, client=client, wikidata=wiki.wikidata, wikipedia=wiki.wikipedia)


TITLED = KnowledgeBase(Entity(f"t{number}", entity.name, description=entity.description) for number, entity in enumerate(TOY))


def test_an_index_and_an_encyclopaedia_give_what_the_knowledge_base_gives(httpserver: HTTPServer, tmp_path: Path) -> None:
    own, _ = labels_of(TOY, asked())
    build_text_index(TOY, tmp_path / "index")
    assert labels_of(TOY, asked(), retriever="index", text_index=str(tmp_path / "index")) == (own, "ok")
    _, asking = filled(httpserver, tmp_path / "store")
    PageText(asking).retrieve(list(TITLED), ["salt", "harbour"])  # the words of the mention
    query = asked(candidates=TITLED.ids)
    from_web = labels_of(TITLED, query, retriever="wikimedia", store=str(tmp_path / "store"), offline=True)
    assert from_web == (dict(zip(TITLED.ids, own.values(), strict=True)), "ok")


def test_a_replay_without_a_network_ends_at_what_it_lacks(httpserver: HTTPServer, tmp_path: Path) -> None:
    _, asking = filled(httpserver, tmp_path / "store")
    PageText(asking).retrieve(list(TITLED)[:3], [])
    with pytest.raises(MissingError, match=r'lacks 2 of what is asked for \(first: article en 1, "Town3"\)'):
        labels_of(TITLED, asked(candidates=TITLED.ids), retriever="wikimedia", store=str(tmp_path / "store"), offline=True)


def test_a_list_of_meanings_is_no_evidence(httpserver: HTTPServer, tmp_path: Path) -> None:
    wiki, asking = filled(httpserver, tmp_path / "store")
    wiki.article("Mercury", "Mercury may refer to a planet. Mercury is a metal.", ambiguous=True)
    wiki.hits['"Mercury" "salt" "harbour"'] = wiki.hits['"Mercury"'] = ["Mercury"]
    entity = Entity("m", "Mercury")
    assert PageText(asking).retrieve([entity], ["salt", "harbour"]) == [[]]
    assert len([request for request in wiki.requests if "gsrsearch" in request]) == 2  # it was looked for, and found nowhere
    kb = KnowledgeBase([entity])
    bare = labels_of(kb, asked(candidates=("m",)), retriever="wikimedia", store=str(tmp_path / "store"), offline=True)
    assert bare == ({}, "fallback:none")


def test_the_files_of_the_evidence_are_part_of_the_key_and_where_they_lie_is_not(tmp_path: Path) -> None:
    problems: list[str] = []

    def identity(**parameters: Any) -> dict[str, Any]:
        spec = component_spec(DEFENCES, Component("retlink", parameters), problems)
        assert spec is not None, problems
        return spec.identity

    for name in ("a", "b"):
        build_text_index(TOY, tmp_path / name)
    build_text_index(list(TOY)[:2], tmp_path / "other")
    a, b, other = (identity(retriever="index", text_index=str(tmp_path / name)) for name in ("a", "b", "other"))
    assert a == b != other
    assert identity(replies="x", store="y", contact="z@example.org", in_flight=3) == identity()
    assert identity(language="de") != identity()
    with pytest.raises(MissingError, match="robustmel kb index"):
        component_spec(DEFENCES, Component("retlink", {"retriever": "index", "text_index": str(tmp_path / "none")}), problems)
    assert component_spec(DEFENCES, Component("retlink", {"mode": "select"}), problems) is None
    assert "name one with llm" in problems[-1]
    assert (tmp_path / "a" / FILE).is_file()
    assert isinstance(RetLink(TOY), RetLink)


def test_a_network_that_is_gone_leaves_descriptions_and_says_so(httpserver: HTTPServer, tmp_path: Path) -> None:
    wiki, asking = filled(httpserver, tmp_path / "store")
    wiki.faults = [Response("<html>busy</html>", 500)] * 10_000
    asking._wikipedia.silent = PATIENCE  # type: ignore[union-attr]  # so many requests were in vain
    sentences = CandidateSentences(TITLED, Reader(TITLED), "extractive", True, PageText(asking))
    part = sentences.of(asked(candidates=TITLED.ids), "I2T", Descriptors())
    assert part.fallbacks == ("template", "retrieval")
    assert {sentence.text for sentence in part.sentences} == {f"{entity.name}, {entity.description}" for entity in TITLED}
    assert sentences.of(asked(candidates=TITLED.ids), "I2T", Descriptors()).fallbacks == part.fallbacks  # again, and told again


def undated(found: list[list[Evidence]]) -> list[list[Evidence]]:
    return [[replace(evidence, fetched_at="") for evidence in passages] for passages in found]


def test_evidence_that_was_edited_on_disk_is_not_used(
    httpserver: HTTPServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wiki, asking = filled(httpserver, tmp_path / "store")
    before = PageText(asking).retrieve(list(TITLED))
    with sqlite3.connect(tmp_path / "store") as file:
        edit = "UPDATE checked_payloads SET payload = replace(payload, 'salt', 'gold')"
        assert file.execute(edit).rowcount > 0
    with pytest.raises(MissingError, match="lacks 1 of what is asked for"):
        PageText(Encyclopaedia(tmp_path / "store", offline=True)).retrieve(list(TITLED))
    assert "was changed on disk" in caplog.text
    asked_before = len(wiki.requests)
    after = PageText(asking).retrieve(list(TITLED))
    assert undated(after) == undated(before)  # fetched again, at another second perhaps
    assert len(wiki.requests) == asked_before + 1
