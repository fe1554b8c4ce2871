"""Captions hold their mention where they say, and no template serves two splits."""

from __future__ import annotations

import itertools
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.world.captions import templates_of, write_caption
from robustmel.world.chance import stream
from robustmel.world.mentions import DATASETS, SPLITS

KINDS = ("country", "signal")
FACTS = {
    "capital": "Capitalia",
    "region": "the Regional Hills",
    "continent": "Continentia",
    "demonym": "Demonymian",
    "language": "Languish",
    "neighbour": "Neighbouria",
    "country": "Countria",
    "symbol": "the letter Symbol",
    "meaning": "meaningful",
}
ALL = list(itertools.product(DATASETS, SPLITS, KINDS))


def slots_of(template: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize(("dataset", "split", "kind"), ALL)
def test_there_are_enough_templates_with_one_mention_each(dataset: str, split: str, kind: str) -> None:
    templates = templates_of(dataset, split)
    assert len(templates.plain[kind]) >= {"train": 12, "validation": 4, "test": 6}[split]
    for template in templates.plain[kind]:
        assert template.count("{surface}") == 1
        assert slots_of(template) <= {"surface", *templates.slots}
    for fact, clues in templates.clue[kind].items():
        for template in clues:
            assert template.count("{surface}") == template.count(f"{{{fact}}}") == 1
            assert slots_of(template) <= {"surface", fact, *templates.slots}
            assert fact in FACTS


@pytest.mark.parametrize("kind", KINDS)
def test_no_two_splits_or_data_sets_share_a_template(kind: str) -> None:
    def bare(template: str) -> str:
        return re.sub(r"\W+", " ", re.sub(r"\{\w+\}", "_", template)).strip().casefold()

    sets = [{bare(template) for template in templates_of(dataset, split).all(kind)} for dataset in DATASETS for split in SPLITS]
    assert sum(map(len, sets)) == len(set().union(*sets))


@pytest.mark.parametrize(("dataset", "split", "kind"), ALL)
@given(surface=st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=30), seed=st.integers(0, 10**6))
def test_the_span_holds_the_surface(dataset: str, split: str, kind: str, surface: str, seed: int) -> None:
    caption = write_caption(templates_of(dataset, split), kind, surface, FACTS, (surface,), stream("test", seed))
    start, end = caption.span
    assert caption.text[start:end] == surface
    assert not slots_of(caption.text.replace(surface, "")) if "{" not in surface and "}" not in surface else True


@pytest.mark.parametrize(("dataset", "split", "kind"), ALL)
def test_a_caption_tells_the_fact_it_names_and_no_other(dataset: str, split: str, kind: str) -> None:
    for seed in range(80):
        caption = write_caption(templates_of(dataset, split), kind, "Georgia", FACTS, ("Georgia",), stream("test", seed))
        told = {fact for fact, value in FACTS.items() if value.casefold() in caption.text.casefold()}
        assert told == ({caption.clue} if caption.clue else set())


def test_about_half_of_the_captions_give_a_clue() -> None:
    templates = templates_of("world-news", "train")
    clues = [write_caption(templates, "country", "Georgia", FACTS, (), stream("share", seed)).clue for seed in range(1000)]
    assert 440 < sum(clue is not None for clue in clues) < 560
    assert set(clues) == {None, *templates.clue["country"]}


def test_a_fact_that_is_the_surface_itself_is_no_clue() -> None:
    templates = templates_of("world-sport", "train")
    clues = {
        write_caption(templates, "country", "Luxembourg", {"capital": "luxembourg"}, (), stream(seed)).clue
        for seed in range(40)
    }
    assert clues == {None}


def test_no_slot_names_the_entity_itself() -> None:
    templates = templates_of("world-news", "train")
    assert "Norway" in templates.slots["rival"]
    for seed in range(300):
        caption = write_caption(templates, "country", "Norge", FACTS, ("Norway", "Norge"), stream("rival", seed))
        assert "Norway" not in caption.text


@pytest.mark.parametrize(
    ("surface", "written"),
    [("Netherlands", "the Netherlands"), ("United States", "the United States"), ("Czech Republic", "the Czech Republic")],
)
def test_an_article_stands_before_the_mention_and_outside_its_span(surface: str, written: str) -> None:
    seen = set()
    for seed in range(60):
        text, (start, _), _ = write_caption(templates_of("world-news", "test"), "country", surface, {}, (), stream("the", seed))
        seen.add(text[max(0, start - 4) : start].casefold())
        assert written.casefold() in text.casefold() or f"the {surface} flag" in text.casefold()
    assert "the " in seen


def test_captions_begin_with_a_capital() -> None:
    for (dataset, split, kind), seed in itertools.product(ALL, range(30)):
        caption = write_caption(templates_of(dataset, split), kind, "Georgia", FACTS, (), stream("capital", seed))
        assert not caption.text[0].islower()
