"""Neighbouring keys, checked against a keyboard measured in another way, and the paper's printed edits."""

from __future__ import annotations

from collections import Counter
from string import ascii_lowercase

import pytest

from robustmel.attacks import ATTACKS
from robustmel.attacks.text.qwerty import _KEYS, NEIGHBOURS
from robustmel.types import Query

# The upper left corners of keys in tenths of millimetres, as an ANSI keyboard with a pitch of 19.05 mm has them.
CORNERS = {
    key: (left + 190.5 * column, 190.5 * row)
    for row, (left, keys) in enumerate([(285.75, "qwertyuiop"), (333.375, "asdfghjkl"), (428.625, "zxcvbnm")])
    for column, key in enumerate(keys)
}


def test_neighbours_are_the_keys_that_touch_or_almost_do() -> None:
    """Keys are squares, so two of them lie beside one another if neither axis parts their corners by much over a pitch."""
    assert sorted(NEIGHBOURS) == list(ascii_lowercase)
    for key, (x, y) in CORNERS.items():
        for other, (u, v) in CORNERS.items():
            beside = key != other and abs(y - v) < 191 and (abs(x - u) < 191 if y == v else abs(x - u) < 150)
            assert (other in NEIGHBOURS[key]) == beside, (key, other)


def test_it_is_symmetric_and_knows_the_papers_four_edits() -> None:
    assert all(key in NEIGHBOURS[other] for key, others in NEIGHBOURS.items() for other in others)
    for old, new in ("er", "pl", "lp", "lk"):
        assert new in NEIGHBOURS[old]


@pytest.mark.parametrize("seed", range(30))
def test_one_letter_becomes_a_neighbour_and_its_case_stays(seed: int) -> None:
    asked = Query("q", "People EXPLAIN Naïve-2008 plea for Oslo", "Oslo", None, None, ())
    (edit,) = ATTACKS.create("qwerty", edit_rate=1.0).perturb([asked], None, [None], [seed])
    assert edit.edits == 4
    for change in edit.changes:
        ((old, new),) = [(a, b) for a, b in zip(change.old, change.new, strict=True) if a != b]
        assert new.lower() in NEIGHBOURS[old.lower()]
        assert new.isupper() == old.isupper()
        assert change.action == "substitute"


def test_every_character_whose_lower_case_is_on_the_keyboard_can_be_mistyped_and_keeps_its_case() -> None:
    assert set(_KEYS) == {character for character in map(chr, range(0x110000)) if character.lower() in NEIGHBOURS}
    for character, keys in _KEYS.items():
        assert keys.lower() == NEIGHBOURS[character.lower()]
        assert keys.isupper() == character.isupper()


def test_a_word_of_one_letter_stays() -> None:
    asked = Query("q", "x y Oslo", "Oslo", None, None, ())
    assert ATTACKS.create("qwerty").perturb([asked], None, [None], [0])[0].note == "nothing edited: no word can be edited"


def test_every_letter_and_each_of_its_neighbours_is_as_likely_as_the_others() -> None:
    asked = Query("q", "a8b-c7 Oslo", "Oslo", None, None, ())
    edits = ATTACKS.create("qwerty").perturb([asked] * 3000, None, [None] * 3000, range(3000))
    counts = Counter(edit.changes[0].new for edit in edits)
    expected = {"a8b-c7".replace(letter, key): 1000 / len(NEIGHBOURS[letter]) for letter in "abc" for key in NEIGHBOURS[letter]}
    assert counts.keys() == expected.keys()
    assert sum((counts[word] - often) ** 2 / often for word, often in expected.items()) < 34.5  # chance: 0.001 of 13 freely
