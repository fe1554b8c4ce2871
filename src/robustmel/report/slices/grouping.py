"""Which group a mention is in. A group that is named may be empty; no mention is without one."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from robustmel.errors import UsageError
from robustmel.kb.knowledge_base import fold
from robustmel.registry import suggestion
from robustmel.report.questions import EntityFacts, Question

TYPES = 9
"""Entity types shown one by one; the rarer ones share a group."""
GRADED = 10
"""From this many different values on, popularity is cut into thirds; below, into two at the median."""
NIL = "NIL"
UNKNOWN = "unknown entity"


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
    likeness_of: dict[int, float | None] = {}  # by the hash alone: lists would weigh more than the data
    nearest: list[float | None] = []
    for question in questions:
        gold = question.gold
        if gold is None or gold not in names:
            nearest.append(None)
            continue
        mention_key = hash((gold, question.candidates))
        if mention_key not in likeness_of:
            listed = names if question.candidates is None else question.candidates
            others = [names[other] for other in listed if other != gold and other in names]
            likeness_of[mention_key] = max((likeness(names[gold], other) for other in others), default=None)
        nearest.append(likeness_of[mention_key])
    return nearest


@dataclass(frozen=True, eq=False)
class Grouping:
    """Mentions sorted into groups.

    Args:
        by: What they are sorted by, as it was asked for.
        names: Of the groups, in the order in which they are shown.
        member: (n,) number of each mention's group.
    """

    by: str
    names: tuple[str, ...]
    member: NDArray[np.int64]


Sorter = Callable[[Sequence[Question], Mapping[str, EntityFacts], str], tuple[list[str], list[str]]]


def grouping(by: str, questions: Sequence[Question], entities: Mapping[str, EntityFacts]) -> Grouping:
    """Sorts mentions.

    Args:
        by: A key of `BY`; "popularity:100" cuts popularity at 100 rather than into thirds.
        questions: The mentions.
        entities: Of the knowledge base, by id.

    Raises:
        UsageError: `by` is no such key, or what follows the colon is no number.
    """
    name, _, setting = by.partition(":")
    if name not in BY or (setting and name != "popularity"):
        raise UsageError(f'cannot slice by "{by}". {suggestion(by, dict.fromkeys((*BY, POISONED_DEMOS)))}')
    named, groups = BY[name](questions, entities, setting)
    order = {group: number for number, group in enumerate(dict.fromkeys([*named, *sorted(set(groups))]))}
    return Grouping(by, tuple(order), np.array([order[group] for group in groups], dtype=np.int64))


def _type(questions: Sequence[Question], entities: Mapping[str, EntityFacts], _: str) -> tuple[list[str], list[str]]:
    """The commonest types one by one, then what is rarer."""
    groups = [_outside(question, entities) or entities[question.gold or ""].type or "no type" for question in questions]
    counted = Counter(group for group in groups if group not in (NIL, UNKNOWN, "no type"))
    ranked = sorted(counted, key=lambda name: (-counted[name], name))
    frequent, rare = ranked[:TYPES], set(ranked[TYPES:])
    other = [f"other ({len(rare)} types)"] if rare else []
    return frequent + other, [other[0] if group in rare else group for group in groups]


def _popularity(questions: Sequence[Question], entities: Mapping[str, EntityFacts], cut: str) -> tuple[list[str], list[str]]:
    outside = [_outside(question, entities) for question in questions]
    values = [
        None if out else entities[question.gold or ""].popularity for question, out in zip(questions, outside, strict=True)
    ]
    stated = [value for value in values if value is not None]
    cuts = [_number(cut)] if cut else _cuts(stated, 3 if len(set(stated)) >= GRADED else 2)
    if not cuts:
        return [], [out or "popularity not given" for out in outside]
    names = [f"at most {cuts[0]:,g}", *(f"up to {higher:,g}" for higher in cuts[1:]), f"above {cuts[-1]:,g}"]
    groups = [str(out) if value is None else _level(value, cuts, names) for value, out in zip(values, outside, strict=True)]
    return names, groups


def _surface(questions: Sequence[Question], entities: Mapping[str, EntityFacts], _: str) -> tuple[list[str], list[str]]:
    names = ["the entity's name", "another wording"]
    groups = [
        _outside(question, entities) or names[fold(question.surface) != fold(entities[question.gold or ""].name)]
        for question in questions
    ]
    return names, groups


def _similarity(questions: Sequence[Question], entities: Mapping[str, EntityFacts], _: str) -> tuple[list[str], list[str]]:
    likeness = nearest_wrong(questions, {key: entity.name for key, entity in entities.items()})
    stated = [value for value in likeness if value is not None]
    cuts = _cuts(stated, 3)
    words = ["names unlike", "somewhat alike"][: len(cuts)]
    names = [f"{word} (to {cut:.2f})" for word, cut in zip(words, cuts, strict=True)]
    names += [f"alike (above {cuts[-1]:.2f})"] if cuts else [f"equally similar names ({value:.2f})" for value in stated[:1]]
    groups = [
        _outside(question, entities) or ("no other candidate" if value is None else _level(value, cuts, names))
        for question, value in zip(questions, likeness, strict=True)
    ]
    return names, groups


BY: Mapping[str, Sorter] = {"type": _type, "popularity": _popularity, "surface": _surface, "similarity": _similarity}
"""What mentions can be sorted by."""
POISONED_DEMOS = "poisoned-demos"
"""Another cut, which depends on the linker and the poison too: see `by_poisoned_demos`."""


def _outside(question: Question, entities: Mapping[str, EntityFacts]) -> str | None:
    """The group of mentions whose entity says nothing; None for all others."""
    if question.gold is None:
        return NIL
    return None if question.gold in entities else UNKNOWN


def _cuts(values: Sequence[float], parts: int) -> list[float]:
    """The values that cut a sample into so many parts, or fewer: equal values stay together, and no part is empty."""
    ranked = sorted(values)
    below = [value for value in ranked if value < ranked[-1]]
    cuts = [ranked[-(-len(ranked) * part // parts) - 1] for part in range(1, parts)] if ranked else []
    return sorted({cut for cut in cuts if cut < ranked[-1]}) or below[-1:]


def _level(value: float, cuts: Sequence[float], names: Sequence[str]) -> str:
    return names[sum(value > cut for cut in cuts)]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as problem:
        raise UsageError(
            f'expected a number after "popularity:", found "{text}"; for example --by popularity:100.'
        ) from problem
