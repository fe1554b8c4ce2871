"""Beginnings that prompts share are read once: where to cut rows of demonstrations into passes of a language model."""

from collections.abc import Callable, Sequence

import numpy as np

PASS = 50
"""Tokens that one more pass costs about as much as: its start, and the copy of what was read before."""


def pass_ends(rows: Sequence[Sequence[int]], tokens: Callable[[int], int]) -> list[int]:
    """Where passes end, so that the fewest tokens are read.

    A pass that reads places [a, b) reads one text for each distinct beginning of b places, all of them padded to the longest. Of
    all ways to cut, the cheapest is taken, by dynamic programming.

    Args:
        rows: Of every prompt, the items that it shows.
        tokens: Of an item.

    Returns:
        Ascending numbers of places; the last one is the length of the longest row.
    """
    depth = max(map(len, rows))
    read = np.zeros((len(rows), depth + 1), np.int64)
    for row, sums in zip(rows, read, strict=True):
        sums[1 : len(row) + 1] = [tokens(item) for item in row]
    read = read.cumsum(1)
    cost, begins = [0], [0]
    for end in range(1, depth + 1):
        texts = len({tuple(row[:end]) for row in rows})
        costs = [cost[begin] + PASS + texts * int((read[:, end] - read[:, begin]).max()) for begin in range(end)]
        begins.append(int(np.argmin(costs)))
        cost.append(costs[begins[-1]])
    ends = [depth]
    while begins[ends[0]]:
        ends.insert(0, begins[ends[0]])
    return ends
