"""Before its answers are kept, a linker with a reference path is compared with it."""

from collections.abc import Sequence
from typing import Any

from robustmel.errors import RobustMELError, printable
from robustmel.types import Prediction, Query, Task

TOLERATED = 0.005
"""Share of mentions whose answers may differ."""

NAMED = 5


def check_parity(linker: Any, queries: Sequence[Query], task: Task, name: str) -> int:
    """Compares the way in use with the reference path, on the first mentions that are answered without an error; how many they are.

    Raises:
        RobustMELError: The answers to more than `TOLERATED` of them differ; the sentence names the mentions.
    """
    asked = [query for query in queries if query.listed][: linker.canary]
    answers = linker.link(asked, task) if asked else []
    sound = [(query, own) for query, own in zip(asked, answers, strict=True) if own.error in (None, "non_finite")]
    references = linker.reference([query for query, _ in sound], task) if sound else []
    odd = [query for (query, own), other in zip(sound, references, strict=True) if differ(own, other, linker.tolerance)]
    if len(odd) > TOLERATED * len(sound):
        named = ", ".join(f'{query.id} ("{printable(query.surface)}")' for query in odd[:NAMED])
        more = f" and {len(odd) - NAMED} more" if len(odd) > NAMED else ""
        raise RobustMELError(
            f"linker {name} answers {len(odd)} of {len(sound)} mentions of {task} otherwise than its library's own path, one at a "
            f'time: {named}{more}. Set dtype = "float32" or batch_size = 1 to find out why; canary = 0 links all the same.'
        )
    return len(sound)


def differ(own: Prediction, reference: Prediction, tolerance: float) -> bool:
    """Whether two answers mean other entities, or the best score is another; of scores within the tolerance either may come first."""
    if own.error or reference.error or not own.ranked or not reference.ranked:
        return (own.error, own.status, tuple(own.ranked)) != (reference.error, reference.status, tuple(reference.ranked))
    if len(own.ranked) != len(reference.ranked):
        return True
    by_reference = dict(zip(reference.ranked, reference.scores, strict=True))
    theirs = by_reference.get(own.ranked[0])
    return theirs is None or max(abs(theirs - own.scores[0]), max(by_reference.values()) - theirs) > tolerance
