"""From a row of scores to an answer."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from random import Random
from types import UnionType
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from robustmel.errors import RobustMELError, with_article
from robustmel.kb import KnowledgeBase
from robustmel.types import Prediction, Query, Usage

if TYPE_CHECKING:
    from torch import Tensor


class Ranking(Sequence[str]):
    """All entities of a knowledge base, best first, without an object for each of them.

    Args:
        kb: Whose entities are ranked.
        order: int32 (N,): the positions of the entities in the knowledge base, best first.
    """

    def __init__(self, kb: KnowledgeBase, order: NDArray[np.int32]) -> None:
        self.kb = kb
        self.order = order

    def __len__(self) -> int:
        return len(self.order)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self.kb.ids[position] for position in self.order[index].tolist())
        return self.kb.ids[int(self.order[index])]

    def index(self, value: Any, start: int = 0, stop: int | None = None) -> int:
        """The rank of an entity, from 0; ValueError where it is not ranked."""
        if value in self.kb:
            for rank in np.flatnonzero(self.order[start:stop] == self.kb.position(value)).tolist():
                return start + int(rank)
        raise ValueError(f"{value!r} is not ranked.")

    def __contains__(self, value: object) -> bool:
        return value in self.kb

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranking) and other.kb is self.kb and np.array_equal(self.order, other.order)

    def __hash__(self) -> int:
        return hash((id(self.kb), self.order.tobytes()))


def in_order_shown(query: Query, shuffled: bool) -> list[str]:
    """The listed candidates; where they are shuffled, in an order drawn from the query's seed."""
    shown = list(query.listed)
    if shuffled:
        Random(query.seed).shuffle(shown)
    return shown


def ranking(query: Query, scores: Tensor | None, kb: KnowledgeBase | None = None) -> Prediction:
    """Candidates by descending score; equal ones keep the candidates' order, one that is listed twice is ranked once.

    Args:
        query: What was asked.
        scores: One score a candidate, what follows is ignored; None where they did not fit in memory.
        kb: What an open query is asked about; not needed for queries that list candidates.
    """
    if scores is None:
        return Prediction(query.id, error="out_of_memory")
    if query.candidates is None and kb is not None:
        return _open_ranking(query, scores, kb)
    score_of = dict(zip(query.listed, real_numbers(scores), strict=False))
    if not all(map(math.isfinite, score_of.values())):
        return Prediction(query.id, error="non_finite")
    ranked = sorted(score_of, key=score_of.__getitem__, reverse=True)
    return Prediction(query.id, tuple(ranked), tuple(score_of[candidate] for candidate in ranked))


def _open_ranking(query: Query, scores: Tensor, kb: KnowledgeBase) -> Prediction:
    kept = scores[: len(kb)].double()
    if not bool(kept.isfinite().all()):
        return Prediction(query.id, error="non_finite")
    values, order = kept.sort(descending=True, stable=True)
    ranked = Ranking(kb, order.int().cpu().numpy())
    return Prediction(query.id, ranked, array("d", values.cpu().numpy().tobytes()))


def real_numbers(scores: Any) -> Sequence[float]:
    """Scores as 64-bit floats, whatever real numbers they are: of Python, numpy or torch, one by one or as an array or tensor.

    Raises:
        RobustMELError: They are no sequence, or one of them is no real number.
    """
    if isinstance(scores, array) or (isinstance(scores, tuple) and all(type(score) is float for score in scores)):
        return scores
    if isinstance(scores, (str, bytes)) or not hasattr(scores, "__iter__"):
        raise RobustMELError(f"its scores are {scores!r:.60}, which is not a sequence of numbers.")
    return tuple(map(_real_number, scores.tolist() if hasattr(scores, "tolist") else scores))


def _real_number(score: Any) -> float:
    try:
        if isinstance(score, (str, bytes)):
            raise TypeError
        return float(score)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # the last: a tensor of several elements
        raise RobustMELError(f"a score is {score!r:.60}, which is not a real number.") from None


_FIELDS: tuple[tuple[str, type | UnionType, str], ...] = (
    ("id", str, "the query's id"),
    ("error", str | None, "words, or None where there is an answer"),
    ("seconds", Real, "a number, zero or more"),
    ("text", str, "text"),
    ("status", str, "text"),
    ("usage", Usage, "a robustmel.types.Usage"),
)
"""What a prediction's fields hold beside its ranking, and how that is said."""


def well_typed(predictions: Any) -> list[Prediction]:
    """What a linker of anyone's handed back, with ranking and scores as plain sequences.

    Raises:
        RobustMELError: It is no list of predictions, a field of one is of another type, or a score is no real number; the sentence says what there is instead.
    """
    listed = list(predictions) if isinstance(predictions, Iterable) and not isinstance(predictions, (str, Mapping)) else None
    strange = next((type(part).__name__ for part in listed or () if not isinstance(part, Prediction)), None)
    if listed is None or strange:
        returned = with_article(type(predictions).__name__) + (f" of {strange}" if strange else "")
        raise RobustMELError(f"link must return a list of robustmel.types.Prediction, not {returned}.")
    return [_plain(prediction) for prediction in listed]


def _plain(prediction: Prediction) -> Prediction:
    for name, kinds, wanted in _FIELDS:
        if not isinstance(value := getattr(prediction, name), kinds) or (name == "seconds" and not prediction.seconds >= 0):
            raise RobustMELError(f"{name} of a prediction is {value!r:.60}; it must be {wanted}.")
    if isinstance(prediction.ranked, (str, bytes)) or not isinstance(prediction.ranked, Iterable):
        raise RobustMELError(f"ranked of a prediction is {prediction.ranked!r:.60}; it must be a sequence of entity ids.")
    ranked = prediction.ranked if isinstance(prediction.ranked, (tuple, Ranking)) else tuple(prediction.ranked)
    scores = real_numbers(prediction.scores)
    same = ranked is prediction.ranked and scores is prediction.scores
    return prediction if same else replace(prediction, ranked=ranked, scores=scores)


def misordered(scores: Sequence[float]) -> bool:
    """Whether scores in the order of a ranking rise somewhere, as distances do: the highest counts as the best all the same."""
    values = np.asarray(scores, dtype=np.float64)
    return bool((values[1:] > values[:-1]).any())
