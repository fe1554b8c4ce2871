"""All prefixes of the names of a trie, numbered and sorted: how its arrays are made."""

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustmel.errors import UsageError

TOKEN_BITS = 32
"""Of an edge, whose upper bits are the state that it leaves."""
LARGEST = 2**31 - 1
"""Token id, state and index of a name."""
CHUNK = 1 << 14
"""Sequences that are read at a time."""


def sorted_prefixes(sequences: Iterable[Sequence[int]], max_length: int | None) -> tuple[NDArray[Any], ...]:
    """The arrays of a name trie, in the order in which it lists them.

    The names that go on are kept in the order of their prefixes and sorted by one more token at each depth, which numbers the
    prefixes of that length.

    Raises:
        UsageError: A token id is negative or above 2^31 - 1.
    """
    tokens, lengths = _flat(sequences)
    if max_length is None:
        max_length = LARGEST
    empty, too_long = np.flatnonzero(lengths == 0), np.flatnonzero(lengths > max_length)
    names = np.flatnonzero((lengths > 0) & (lengths <= max_length)).astype(np.int32)
    following = (np.cumsum(lengths, dtype=np.int64) - lengths)[names]  # where the next token of each name stands
    states = np.zeros(len(names), np.int64)
    edges = np.empty(1 + len(tokens), np.int64)  # at most so many; what is not written takes no memory
    edges[0], count = np.iinfo(np.int64).min, 1
    end_states, end_names = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    depth = 0
    while names.size:
        depth += 1
        leaving = (states << TOKEN_BITS) | tokens[following]
        order = np.argsort(leaving, kind="stable")
        leaving, names, following = leaving[order], names[order], following[order]
        new = np.concatenate(([True], leaving[1:] != leaving[:-1]))
        states = np.cumsum(new) + (count - 1)
        edges[count : states[-1] + 1] = leaving[new]
        count = int(states[-1]) + 1
        whole = lengths[names] == depth
        end_states.append(states[whole].astype(np.int32))
        end_names.append(names[whole])
        states, names, following = states[~whole], names[~whole], following[~whole] + 1
    edges.resize(count, refcheck=False)
    return edges, np.concatenate(end_states), np.concatenate(end_names), empty.astype(np.int32), too_long.astype(np.int32)


def _flat(sequences: Iterable[Sequence[int]]) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """All tokens in a row, as narrow as they can be, and the length of each sequence."""
    tokens: list[NDArray[Any]] = [np.empty(0, np.uint8)]
    lengths: list[NDArray[np.int32]] = [np.empty(0, np.int32)]
    stream = iter(sequences)
    while chunk := list(islice(stream, CHUNK)):
        lengths.append(np.fromiter(map(len, chunk), np.int32, len(chunk)))
        read = np.fromiter(chain.from_iterable(chunk), np.int64, int(lengths[-1].sum()))
        if read.size:
            if read.min() < 0 or read.max() > LARGEST:
                wrong = read.min() if read.min() < 0 else read.max()
                raise UsageError(f"a name has the token id {wrong}; expected ids from 0 to {LARGEST}.")
            tokens.append(read.astype(np.min_scalar_type(int(read.max()))))
    return np.concatenate(tokens), np.concatenate(lengths)
