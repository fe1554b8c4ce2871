"""Which group a mention is in. A group that is named may be empty; no mention is without one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustmel.errors import UsageError
from robustmel.kb.knowledge_base import fold
from robustmel.registry import suggestion
from robustmel.report.results import EntityFacts, Question
from robustmel.report.slices.likeness import nearest_wrong

TYPES = 9
"""Entity types shown one by one; the rarer ones share a group."""
GRADED = 10
"""From this many different values on, popularity is cut into thirds; below, into two at the median."""
NIL = "NIL"
UNKNOWN = "unknown entity"


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
        raise UsageError(f'cannot slice by "{by}". {suggestion(by, dict.fromkeys(BY))}')
    named, found = BY[name](questions, entities, setting)
    order = {one: number for number, one in enumerate(dict.fromkeys([*named, *sorted(set(found))]))}
    return Grouping(by, tuple(order), np.array([order[one] for one in found], dtype=np.int64))


def _type(questions: Sequence[Question], entities: Mapping[str, EntityFacts], _: str) -> tuple[list[str], list[str]]:
    """The commonest types one by one, then what is rarer."""
    found = [_outside(one, entities) or entities[one.gold or ""].type or "no type" for one in questions]
    counted = Counter(one for one in found if one not in (NIL, UNKNOWN, "no type"))
    ranked = sorted(counted, key=lambda name: (-counted[name], name))
    shown, rare = ranked[:TYPES], set(ranked[TYPES:])
    other = [f"other ({len(rare)} types)"] if rare else []
    return shown + other, [other[0] if one in rare else one for one in found]


def _popularity(questions: Sequence[Question], entities: Mapping[str, EntityFacts], cut: str) -> tuple[list[str], list[str]]:
    outside = [_outside(one, entities) for one in questions]
    values = [None if out else entities[one.gold or ""].popularity for one, out in zip(questions, outside, strict=True)]
    known = [value for value in values if value is not None]
    if cut:
        cuts = [_number(cut)]
    elif len(set(known)) < 2:
        return [], [out or "popularity not given" for out in outside]
    else:
        cuts = _thirds(known) if len(set(known)) >= GRADED else [sorted(known)[(len(known) - 1) // 2]]
    names = [f"at most {cuts[0]:,g}", f"above {cuts[-1]:,g}"]
    names[1:1] = [f"up to {cuts[1]:,g}"] if len(cuts) > 1 else []
    found = [_level(value, cuts, names) if value is not None else str(out) for value, out in zip(values, outside, strict=True)]
    return names, found


def _surface(questions: Sequence[Question], entities: Mapping[str, EntityFacts], _: str) -> tuple[list[str], list[str]]:
    names = ["the entity's name", "another wording"]
    found = [_outside(one, entities) or names[fold(one.surface) != fold(entities[one.gold or ""].name)] for one in questions]
    return names, found


def _similarity(questions: Sequence[Question], entities: Mapping[str, EntityFacts], _: str) -> tuple[list[str], list[str]]:
    likeness = nearest_wrong(questions, {key: one.name for key, one in entities.items()})
    known = [value for value in likeness if value is not None]
    cuts = _thirds(known) if known else [0.0, 0.0]
    names = [f"names unlike (to {cuts[0]:.2f})", f"somewhat alike (to {cuts[1]:.2f})", f"alike (above {cuts[1]:.2f})"]
    found = [
        _outside(one, entities) or ("no other candidate" if value is None else _level(value, cuts, names))
        for one, value in zip(questions, likeness, strict=True)
    ]
    return (names if known else []), found


BY: Mapping[str, Sorter] = {"type": _type, "popularity": _popularity, "surface": _surface, "similarity": _similarity}
"""What mentions can be sorted by."""


def _outside(question: Question, entities: Mapping[str, EntityFacts]) -> str | None:
    """The group of mentions whose entity says nothing; None for all others."""
    if question.gold is None:
        return NIL
    return None if question.gold in entities else UNKNOWN


def _thirds(values: Sequence[float]) -> list[float]:
    """The two values that cut a sample into thirds; equal values stay together, so thirds may be of unequal size, or empty."""
    ranked = sorted(values)
    return [ranked[(len(ranked) * part + 2) // 3 - 1] for part in (1, 2)]


def _level(value: float, cuts: Sequence[float], names: Sequence[str]) -> str:
    return names[sum(value > cut for cut in cuts)]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as problem:
        raise UsageError(
            f'expected a number after "popularity:", found "{text}"; for example --by popularity:100.'
        ) from problem
