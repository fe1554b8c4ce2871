"""Which candidates a reply names: an index, a label, none, or nothing clear."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.linkers.chat.reply_parser import chosen

LABELS = ["Georgia", "Georgia (U.S. state)", "2008 Summer Olympics", "Kings of Leon", "Georgia"]


@pytest.mark.parametrize(
    ("reply", "places"),
    [
        ("2", (1,)),
        (" 2.\n", (1,)),
        ("**2**", (1,)),
        ("```\n2\n```", (1,)),
        ('```json\n{"index": 2}\n```', (1,)),
        ('{"index": 1}\n{"index": 4}', (3,)),  # the last counts
        ("The answer is 4.", (3,)),
        ("Candidate 1 is a country, but the best candidate is 4", (3,)),
        ("At first I thought of 1.\n\n3", (2,)),
        ("Kings of Leon", (3,)),
        ("4. Kings of Leon", (3,)),
        ("kings of leon.", (3,)),
        ("2008 Summer Olympics", (2,)),
        ("Georgia", (0, 4)),  # two that read the same share the answer
        ("I see a flag of 4 in it", (3,)),
        ("None of the above.", ()),
        ("0", ()),
        ("none", ()),
        ("6", None),
        ("-1", None),
        ("- 2", (1,)),
        ("1.5", None),
        ("", None),
        ("   \n", None),
        ("I cannot tell.", None),
        ("It is 1 or 2", None),
        ("99999999999999999999999999", None),
        ("\u0663", None),
    ],
)
def test_a_reply_names_a_candidate_or_is_unparsed(reply: str, places: tuple[int, ...] | None) -> None:
    assert chosen(reply, LABELS) == places


@given(st.text(max_size=200), st.lists(st.text(max_size=12), max_size=6))
def test_whatever_is_written_the_places_lie_in_the_list(reply: str, labels: list[str]) -> None:
    places = chosen(reply, labels)
    assert places is None or all(0 <= place < len(labels) for place in places)


@given(st.integers(1, 100), st.integers(1, 100))
def test_a_bare_index_is_that_candidate_or_nobody(index: int, count: int) -> None:
    labels = [f"label {number}" for number in range(count)]
    assert chosen(str(index), labels) == ((index - 1,) if index <= count else None)


def test_a_long_reply_is_read_in_linear_time() -> None:
    assert chosen("answer " * 20_000 + "candidate is is " * 20_000, LABELS) is None
