"""Draws from a hash: even, decided by the seed, and no fewer than are asked for."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from robustmel.attacks.text.dice import Dice


@given(st.integers(), st.lists(st.integers(1, 1000), min_size=1, max_size=12))
def test_first_draws_are_the_digits_of_the_seeds_digest(seed: int, counts: list[int]) -> None:
    """In the mixed radix of the choices; a dozen of them leave 64 bits of the 128 unread only where they are few."""
    number, dice = int.from_bytes(blake2b(str(seed).encode()).digest()[:16], "big"), Dice(seed)
    for count in counts:
        if number < 2**64:
            return
        assert dice.below(count) == number % count
        number //= count


def test_draws_are_even_within_one_seed_and_across_seeds() -> None:
    dice = Dice(7)
    for draws in ([dice.below(10) for _ in range(10_000)], [Dice(seed).below(10) for seed in range(10_000)]):
        counts = Counter(draws)
        assert sum((counts[number] - 1000) ** 2 / 1000 for number in range(10)) < 27.9  # chance: 0.001


@given(st.integers(), st.lists(st.integers(), max_size=60))
def test_what_is_taken_is_every_item_once(seed: int, items: list[int]) -> None:
    dice, left = Dice(seed), list(items)
    assert Counter(dice.take(left) for _ in items) == Counter(items)
    assert left == []
