"""Mentions in columns are those that went in, and take little room."""

from __future__ import annotations

import gc
import os
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.columnar import taken
from robustmel.datasets.dataset import Dataset
from robustmel.errors import MissingError
from robustmel.kb import KnowledgeBase
from robustmel.mention_columns import in_columns
from robustmel.records.load_report import LoadReport
from robustmel.types import Mention, Query

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=5)
MENTIONS = st.builds(
    Mention,
    id=TEXT,
    gold=st.none() | TEXT,
    surface=TEXT,
    text=TEXT,
    span=st.none() | st.tuples(st.integers(0, 9), st.integers(0, 9)),
    image=st.none() | st.sampled_from([Path("a/b.png"), Path(os.fsdecode(b"/a/\xff.png"))]),
    candidates=st.none() | st.lists(TEXT, max_size=3).map(tuple),
    split=st.none() | TEXT,
    topic=st.none() | TEXT,
    box=st.none() | st.tuples(*[st.floats(0, 99)] * 4),
)


@given(st.lists(MENTIONS, max_size=5))
def test_what_went_in_comes_out(mentions: list[Mention]) -> None:
    held = in_columns(iter(mentions))
    assert held == mentions
    backwards = range(len(mentions) - 1, -1, -1)
    assert taken(held, backwards) == taken(mentions, backwards)
    assert held.map(lambda mention: mention.id) == [mention.id for mention in mentions]
    assert held.beside(held[::-1], lambda one, other: (one, other)) == list(zip(mentions, mentions[::-1], strict=True))
    with pytest.raises(ValueError, match="beside"):
        held.beside(in_columns([*mentions, Mention("one more", None, "")]), lambda one, other: one)


def test_mentions_and_queries_take_half_the_room_of_their_objects() -> None:
    names = [f"Q{number}" for number in range(10_000, 10_400)]

    def mentions() -> Iterator[Mention]:
        for number in range(1000):
            text, listed = f"word {number} {'in a sentence ' * 7}", tuple(names[number % 390 : number % 390 + 10])
            yield Mention(f"m{number}", listed[0], f"word {number}", text, (300, 306), Path(f"{number}.png"), listed)

    def query(mention: Mention) -> Query:
        return mention.query("set", mention.candidates)

    def size(make: Callable[[], object]) -> int:
        arrow = pa.total_allocated_bytes()
        tracemalloc.start()
        held = make()
        gc.collect()
        size = tracemalloc.get_traced_memory()[0] + pa.total_allocated_bytes() - arrow
        tracemalloc.stop()
        del held
        return size

    def as_objects() -> object:
        held = tuple(mentions())
        return held, list(map(query, held))

    assert size(lambda: in_columns(mentions()).map(query)) < size(as_objects) / 2


def test_half_a_character_is_refused_in_one_sentence() -> None:
    with pytest.raises(MissingError, match=r"data set odd: 'a \\ud800' holds half a surrogate pair"):
        Dataset("odd", (Mention("m", None, "a \ud800"),), KnowledgeBase([]), LoadReport(""))


def test_a_value_of_another_type_is_refused_in_one_sentence() -> None:
    wrong: Any = 1
    with pytest.raises(MissingError, match=r"data set odd: a field of a mention is not of the type that Mention says: .*'int'"):
        Dataset("odd", (Mention(wrong, None, "a"),), KnowledgeBase([]), LoadReport(""))


def test_an_id_that_is_there_twice_is_refused_in_one_sentence() -> None:
    with pytest.raises(MissingError, match='data set odd: several mentions have the id "m"'):
        Dataset("odd", (Mention("m", None, "a"), Mention("m", None, "b")), KnowledgeBase([]), LoadReport(""))
