"""Which mentions are not independent: those of one entity, and those that share an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robustmel.report.results import Question


def clusters(questions: Sequence[Question]) -> NDArray[np.int64]:
    """int64 (n,): a cluster number from 0 a mention, numbered by first appearance.

    Two mentions are in one cluster if they are about one entity or show one image (the same bytes, under whatever paths), or are
    linked by a chain of such pairs.
    """
    keys = [
        [("entity", question.cluster), *([("image", question.image_digest or question.image)] if question.image else [])]
        for question in questions
    ]
    parent = list(range(len(keys)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[tuple[str, str], int] = {}
    for index, shared in enumerate(keys):
        for key in shared:
            ours, theirs = root(index), root(first.setdefault(key, index))
            parent[max(ours, theirs)] = min(ours, theirs)
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(root(index), len(numbers)) for index in range(len(keys))], dtype=np.int64)
