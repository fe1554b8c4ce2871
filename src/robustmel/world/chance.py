"""Random numbers of the embedded world: one stream per thing drawn, whatever the order of drawing."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Generator = np.random.Generator
Choice = TypeVar("Choice")


def seed_of(*parts: str | int) -> int:
    """A 64-bit number that depends on all parts and on nothing else."""
    text = "\x00".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def stream(*parts: str | int) -> Generator:
    """A generator of its own for this combination of parts."""
    return np.random.Generator(np.random.PCG64(seed_of(*parts)))


def pick(random: Generator, choices: Sequence[Choice]) -> Choice:
    """One of them, each with the same chance."""
    return choices[int(random.integers(len(choices)))]
