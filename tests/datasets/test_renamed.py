"""A data set in which every name is made up: consistent, spoken, and everything else as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.datasets import DATASETS
from robustmel.datasets.dataset import Dataset
from robustmel.datasets.renamed import names_pattern, renaming
from robustmel.errors import UsageError


@pytest.fixture(scope="module")
def pair() -> tuple[Dataset, Dataset]:
    return DATASETS.create("world-news").load("test"), DATASETS.create("renamed", of="world-news").load("test")


def test_surfaces_texts_and_names_agree_as_before(pair: tuple[Dataset, Dataset]) -> None:
    true, made_up = pair
    rename = renaming(0)
    assert made_up.name == "world-news, renamed"
    for before, after in zip(true, made_up, strict=True):
        assert after.surface == rename(before.surface) != before.surface
        assert after.span is not None
        assert after.text[slice(*after.span)] == after.surface
        assert len(after.text) == len(before.text)
        assert (after.id, after.gold, after.image, after.candidates) == (
            before.id,
            before.gold,
            before.image,
            before.candidates,
        )
        assert (before.surface == true.kb[before.gold or ""].name) == (after.surface == made_up.kb[after.gold or ""].name)


def test_no_name_of_the_world_is_left(pair: tuple[Dataset, Dataset]) -> None:
    true, made_up = pair
    ascii_names = [name for entity in true.kb for name in (entity.name, *entity.aliases) if name.isascii() and len(name) > 3]
    pattern = names_pattern(ascii_names)
    assert pattern.search(" ".join(mention.text for mention in true))
    for mention in made_up:
        assert not pattern.search(mention.text), mention.text
    assert [entity.id for entity in made_up.kb] == [entity.id for entity in true.kb]


def test_homonyms_stay_homonyms(pair: tuple[Dataset, Dataset]) -> None:
    before, after = ([[entity.name for entity in data.kb].index(entity.name) for entity in data.kb] for data in pair)
    assert before == after


@given(st.integers(0, 1000), st.text())
def test_a_renaming_can_be_undone_and_keeps_what_is_no_letter(seed: int, text: str) -> None:
    rename = renaming(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    assert sorted(rename(letters)) == sorted(letters)
    assert all(old != new for old, new in zip(letters, rename(letters), strict=True))
    others = "".join(character for character in text if not (character.isascii() and character.isalpha()))
    assert "".join(new for old, new in zip(text, rename(text), strict=True) if old in others) == others


def test_another_seed_makes_other_names() -> None:
    assert len({renaming(seed)("Republic") for seed in range(20)}) > 15


def test_a_knowledge_base_without_names_is_told() -> None:
    with pytest.raises(UsageError, match="no names"):
        names_pattern([""])
