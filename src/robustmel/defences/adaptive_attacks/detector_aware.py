"""A text attack that knows the detector."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from pathlib import Path
from random import Random
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from robustmel.attacks import ATTACKS
from robustmel.attacks.contract import TextObjective
from robustmel.attacks.quantities import at_least_one, proportion
from robustmel.attacks.text.editable_text import EditableText
from robustmel.attacks.text.words import Protect, apart
from robustmel.defences.detectors import DETECTORS
from robustmel.defences.detectors.comparing import OneReplaced
from robustmel.defences.detectors.contract import file_assets
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.types import Mention, Query, TextChange, TextEdit

About = tuple[Query, str | None]
"""What is asked, and the right entity."""

FLAGGED = "fewer words edited than asked: the detector would flag the other edits tried"


@dataclass(frozen=True)
class DetectorAware:
    """Edits each text several times by another attack and keeps what a detector suspects least (Carlini & Wagner, 2017).

    Of the tries those with the most edits are compared. With `flagged` each edit of every try is a candidate, one after another,
    and those by which the detector would flag the record are rejected. It is how a detector of poisoned records is tested against an
    attacker who knows it. A detector that compares records is asked about each edited record alone among all others as they are clean:
    what becomes of a record then depends on no other's fate, and a lower rate's records stay among a higher rate's. So a detector that
    sees all the poison at once may still flag some of it.

    Args:
        attack: A text attack by name that asks nobody.
        edit_rate: Share of the eligible words that it edits.
        protect: What stays; see the attack.
        detector: Whom to hide from: "onion", "neighbours", ... or one of your own. One that does not look at each record alone
            (`by_record`) must know the others, so it can be hidden from where records are poisoned, and not at test time.
        tries: Edits of each text that are compared.
        flagged: The score from which the detector flags a record, as `robustmel detect` says it; None hides as well as can be, and rejects
            nothing.

    Raises:
        UsageError: A value is out of its range, or the attack or the detector will not do.

    Source:
        Carlini & Wagner, "Adversarial Examples Are Not Easily Detected: Bypassing Ten Detection Methods", AISec 2017, section 3.2 (the
        adversary with perfect knowledge), by drawing instead of gradients.
    """

    attack: str = "qwerty"
    edit_rate: float = 0.1
    protect: Protect = "mention"
    detector: str = "onion"
    tries: int = 8
    flagged: float | None = None

    modality: ClassVar[Literal["text"]] = "text"
    writes: ClassVar[tuple[str, ...]] = ("text", "span")
    threat_model: ClassVar[str] = "text edits"
    random: ClassVar[bool] = True
    needs: ClassVar[Literal["nothing"]] = "nothing"
    version: ClassVar[int] = 1
    _others: ClassVar[OneReplaced | None] = None  # of an attack that was told of them its own

    def __post_init__(self) -> None:
        """Checks the values."""
        object.__setattr__(self, "edit_rate", proportion("edit_rate", self.edit_rate))
        at_least_one("tries", self.tries)
        inner = self._inner()
        if inner.modality != "text" or inner.needs != "nothing":
            raise UsageError(
                f"attack detector-aware: attack = {self.attack} is no text attack that asks nobody, such as qwerty."
            )
        DETECTORS.load(self.detector)

    @classmethod
    def assets(cls, *, attack: str, detector: str, **_: object) -> tuple[Path, ...]:
        """The files of the attack and of the detector."""
        return file_assets(ATTACKS, attack, {}) + file_assets(DETECTORS, detector, {})

    @classmethod
    def inside(cls, *, attack: str, detector: str, **_: object) -> dict[str, int]:
        """The versions of the attack and of the detector, for keys."""
        return {attack: ATTACKS.load(attack).version, detector: DETECTORS.load(detector).version}

    @property
    def knows_records(self) -> bool:
        """Whether it must be told of the records (`among`), so that it can poison and do nothing else."""
        return not getattr(DETECTORS.load(self.detector), "by_record", False)

    def among(self, records: Mapping[str, Mention], kb: KnowledgeBase) -> Self:
        """The same attack, told of all records among which some are poisoned.

        Args:
            records: Id of the query -> clean record.
            kb: The entities that they point into.
        """
        told = replace(self)
        object.__setattr__(told, "_others", OneReplaced(DETECTORS.create(self.detector), records, kb))
        return told

    @property
    def budget(self) -> str:
        """That of the attack."""
        return str(self._inner().budget)

    def passes(self) -> int:
        """None of the source's."""
        return 0

    def perturb(
        self, queries: Sequence[Query], objective: TextObjective | None, gold: Sequence[str | None], seeds: Sequence[int]
    ) -> list[TextEdit]:
        """See `TextAttack.perturb`."""
        inner, dice = self._inner(), [Random(seed) for seed in seeds]
        tried = [inner.perturb(queries, None, gold, [own.getrandbits(63) for own in dice]) for _ in range(self.tries)]
        about = list(zip(queries, gold, strict=True))
        if self.flagged is not None:
            return self._unflagged(about, list(zip(*tried, strict=True)), self.flagged)
        suspicion = self._suspicion(about * self.tries, [edit for edits in tried for edit in edits])
        suspicion = suspicion.reshape(self.tries, len(queries))
        return [
            edits[min(range(self.tries), key=lambda attempt: (-edits[attempt].edits, suspicion[attempt, place]))]
            for place, edits in enumerate(zip(*tried, strict=True))
        ]

    def _unflagged(self, about: Sequence[About], tried: Sequence[Sequence[TextEdit]], flagged: float) -> list[TextEdit]:
        """The tries' edits of each text in their order, but for those that get the record flagged; no more than a try has."""
        texts = [EditableText(query, ()) for query, _ in about]
        most = [max(edit.edits for edit in edits) for edits in tried]
        kept: list[list[TextChange]] = [[] for _ in about]
        for candidates in zip_longest(*(dict.fromkeys(chain.from_iterable(edit.changes for edit in edits)) for edits in tried)):
            drafts = {
                place: sorted([*kept[place], change])
                for place, change in enumerate(candidates)
                if change is not None and len(kept[place]) < most[place] and _beside(change, kept[place])
            }
            drafts = {place: changes for place, changes in drafts.items() if texts[place].sound(changes)}
            edited = [texts[place].edit(changes) for place, changes in drafts.items()]
            for (place, changes), score in zip(
                drafts.items(), self._suspicion([about[place] for place in drafts], edited), strict=True
            ):
                if score < flagged:
                    kept[place] = changes
        return [
            text.edit(changes, FLAGGED if len(changes) < wanted else edits[0].note)
            for text, changes, wanted, edits in zip(texts, kept, most, tried, strict=True)
        ]

    def _suspicion(self, about: Sequence[About], edits: Sequence[TextEdit]) -> NDArray[np.float64]:
        """What the detector makes of edited texts, minus infinity where it abstains."""
        records = [
            Mention(edit.id, right, edit.surface, edit.text, edit.span, query.image)
            for (query, right), edit in zip(about, edits, strict=True)
        ]
        if self._others is not None:
            scores = self._others.scores([(record.id, record) for record in records])
        elif self.knows_records:
            alone = ", ".join(name for name in DETECTORS.own if getattr(DETECTORS.load(name), "by_record", False))
            raise UsageError(
                f"attack detector-aware: detector {self.detector} compares records, so it can be hidden from where records are poisoned"
                f" and they are all known; those that look at each text alone: {alone}."
            )
        else:
            scores = DETECTORS.create(self.detector).scores(records, KnowledgeBase(())) if records else np.zeros(0)
        return np.nan_to_num(np.asarray(scores, np.float64), nan=-np.inf)

    def _inner(self) -> Any:
        return ATTACKS.create(self.attack, edit_rate=self.edit_rate, protect=self.protect)


def _beside(change: TextChange, others: Sequence[TextChange]) -> bool:
    """Whether a change can be made beside others: none touches what another one replaces, and no two insert at one place."""
    return apart(change[:2], [other[:2] for other in others]) and change[:2] not in [other[:2] for other in others]
