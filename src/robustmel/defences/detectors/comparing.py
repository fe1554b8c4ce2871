"""Detectors that compare records with one another, and what they make of a record in place of another."""

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np

from robustmel.defences.detectors.contract import Suspicion
from robustmel.kb import KnowledgeBase
from robustmel.types import Mention


class Comparing:
    """What these detectors have: they read each record alone, then compare what they have read.

    The two steps are apart so that a record can be put in place of another without reading all of them again.
    """

    @abstractmethod
    def readings(self, records: Sequence[Mention], kb: KnowledgeBase) -> Any:
        """What is compared: one element of a list, or one row of an array, a record."""

    @abstractmethod
    def compared(self, readings: Any, labels: Sequence[str | None], places: Sequence[int]) -> Suspicion:
        """float64 (len(places),): the scores of the records at these places among all N.

        Args:
            readings: Of N records.
            labels: Their N labels.
            places: Which of them are asked about.
        """

    def scores(self, records: Sequence[Mention], kb: KnowledgeBase) -> Suspicion:
        """See `Detector.scores`; the subclass says its range."""
        return self.compared(self.readings(records, kb), [record.gold for record in records], range(len(records)))


def of_labels(labels: Sequence[str | None], usable: Sequence[int], places: Sequence[int]) -> list[list[int]]:
    """The usable places of each label that a place has; NIL is none, as records about nothing have nothing in common."""
    groups: defaultdict[str | None, list[int]] = defaultdict(list)
    for place in usable:
        groups[labels[place]].append(place)
    return [groups[label] for label in dict.fromkeys(labels[place] for place in places) if label is not None]


class OneReplaced:
    """A detector's scores of records that stand each alone in place of one of a data set's.

    Each is what `scores` gives of it among all the others as they are, whoever else is asked about. A detector that is no
    `Comparing` looks at the whole data set each time.

    Args:
        detector: A detector.
        records: Id -> record, of the data set.
        kb: The entities that they point into.
    """

    def __init__(self, detector: Any, records: Mapping[str, Mention], kb: KnowledgeBase) -> None:
        self._detector, self._records, self._kb = detector, list(records.values()), kb
        self._places = {item: place for place, item in enumerate(records)}
        self._labels = [record.gold for record in self._records]
        self._readings = detector.readings(self._records, kb) if isinstance(detector, Comparing) else None

    def scores(self, replacing: Sequence[tuple[str, Mention]]) -> Suspicion:
        """float64 (n,): of pairs of an id and what stands in place of the record of that id."""
        replaced = [(self._places[item], record) for item, record in replacing]
        if self._readings is None:
            return np.array([self._whole(place, record) for place, record in replaced], np.float64)
        others = self._detector.readings([record for _, record in replaced], self._kb) if replaced else ()
        return np.array(
            [
                self._detector.compared(
                    _with(self._readings, place, reading), _with(self._labels, place, record.gold), [place]
                )[0]
                for (place, record), reading in zip(replaced, others, strict=True)
            ],
            np.float64,
        )

    def _whole(self, place: int, record: Mention) -> float:
        return float(self._detector.scores(_with(self._records, place, record), self._kb)[place])


def _with(values: Any, place: int, value: Any) -> Any:
    """A copy of a list or an array with another value at one place."""
    changed = copy(values)
    changed[place] = value
    return changed
