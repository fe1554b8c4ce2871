"""The draws of one record, from a hash of its seed."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

Item = TypeVar("Item")

_LEAST = 1 << 64


class Dice:
    """Draws that a seed decides, the same in every process; a dozen of them cost less than to seed `random.Random`.

    The first 128 bits of the seed's BLAKE2b digest are a number of which every draw divides its share off. Where less than 64 bits are
    left, the digest of the digest is next, so no chance is off by more than some 2^-64.

    Args:
        seed: A whole number.
    """

    __slots__ = ("_digest", "_left")

    def __init__(self, seed: int) -> None:
        self._digest, self._left = b"%d" % seed, 0

    def below(self, count: int) -> int:
        """A whole number from 0 to `count` - 1."""
        if self._left < _LEAST:
            self._digest = blake2b(self._digest).digest()
            self._left = int.from_bytes(self._digest[:16], "big")
        self._left, drawn = divmod(self._left, count)
        return drawn

    def choice(self, items: Sequence[Item]) -> Item:
        """One of some items."""
        return items[self.below(len(items))]

    def take(self, items: list[Item]) -> Item:
        """One of some items, which leaves the list."""
        return items.pop(self.below(len(items)))
