"""How alike two names are: the cosine between their counts of three-letter sequences."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from robustmel.kb.knowledge_base import fold
from robustmel.report.questions import Question

SIZE = 3
"""Letters in a sequence."""


def likeness(name: str, other: str) -> float:
    """In [0, 1]; 1 for names that are equal but for case and blanks, 0 where no three letters in a row are shared.

    Names are framed by blanks, so that how they begin and end counts too.
    """
    return _cosine(*sorted((fold(name), fold(other))))


def _cosine(name: str, other: str) -> float:
    if name == other:
        return 1.0
    (ours, length), (theirs, their_length) = _counted(name), _counted(other)
    if len(theirs) < len(ours):
        ours, theirs = theirs, ours
    return min(1.0, sum(count * theirs.get(gram, 0) for gram, count in ours.items()) / (length * their_length))


@lru_cache(maxsize=1 << 12)
def _counted(name: str) -> tuple[Counter[str], float]:
    """Counts of the sequences in a folded name, and the length of the vector they make."""
    framed = f" {name} ".ljust(SIZE)
    counts = Counter(framed[start : start + SIZE] for start in range(len(framed) - SIZE + 1))
    return counts, math.sqrt(sum(count * count for count in counts.values()))


def nearest_wrong(questions: Sequence[Question], names: Mapping[str, str]) -> list[float | None]:
    """Of each mention, how alike the gold entity's name and that of the wrong candidate nearest to it are.

    None where the mention has no entity, the entity is unknown, or there is no wrong candidate.
    """
    known: dict[tuple[str, tuple[str, ...] | None], float | None] = {}
    nearest: list[float | None] = []
    for question in questions:
        gold = question.gold
        if gold is None or gold not in names:
            nearest.append(None)
            continue
        asked = (gold, question.candidates)
        if asked not in known:
            listed = names if question.candidates is None else question.candidates
            others = [names[other] for other in listed if other != gold and other in names]
            known[asked] = max((likeness(names[gold], other) for other in others), default=None)
        nearest.append(known[asked])
    return nearest
