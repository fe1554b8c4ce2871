"""Records mended instead of left out: the words that a detector suspects are taken from them."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from robustmel.attacks.text.dice import Dice
from robustmel.attacks.text.editable_text import EditableText
from robustmel.attacks.text.words import apart, protected_spans, words
from robustmel.defences.detectors.comparing import OneReplaced
from robustmel.kb import KnowledgeBase
from robustmel.types import Mention


def repaired(
    records: Sequence[Mention], detector: Any, kb: KnowledgeBase, most: int, among: Sequence[Mention] = ()
) -> list[Mention]:
    """The records without up to `most` words each: one after another the one whose removal lowers the score most.

    The mention stays. A record of which no removal lowers the score, or with which the detector abstains, stays as it is.

    Args:
        records: N records.
        detector: One that looks at each record alone (`by_record`), or one that compares: it is asked about a shorter record
            among the others as they are.
        kb: The entities that they point into.
        most: Words.
        among: All records of the data set, for a detector that compares.

    Source:
        The removal of suspicious words in ONION (Qi et al., "ONION: A Simple and Effective Defense Against Textual Backdoor Attacks",
        EMNLP 2021), here for any detector, in rounds, by its own score in place of a threshold.
    """
    mended, open_places = list(records), list(range(len(records)))
    alone = getattr(detector, "by_record", False)
    one_replaced = None if alone or not records else OneReplaced(detector, {record.id: record for record in among}, kb)

    def judged_of(shorter: Sequence[Mention]) -> list[float]:
        if not shorter:
            return []
        if one_replaced is None:
            return np.asarray(detector.scores(shorter, kb), np.float64).tolist()  # type: ignore[no-any-return]
        return one_replaced.scores([(record.id, record) for record in shorter]).tolist()  # type: ignore[no-any-return]

    scores = judged_of(mended)
    for _ in range(most):
        shorter = [_without_a_word(mended[place]) for place in open_places]
        flat = [record for part in shorter for record in part]
        judged = iter(judged_of(flat))
        still_open = []
        for place, part in zip(open_places, shorter, strict=True):
            own = np.nan_to_num(np.array(list(islice(judged, len(part)))), nan=np.inf)
            if len(part) and own.min() < scores[place]:
                mended[place], scores[place] = part[int(own.argmin())], own.min()
                still_open.append(place)
        open_places = still_open
    return mended


def _without_a_word(record: Mention) -> list[Mention]:
    """The record once without each word that does not touch the mention, and without one space beside it."""
    query = record.query("", None)
    protected = protected_spans(query, "mention") or []
    text, shorter = EditableText(query, protected, lambda word, dice: ("", "delete")), []
    for span in words(record.text):
        if apart(span, protected) and (change := text.change(span, (), Dice(0))) is not None:
            edited = text.edited((change,))
            if edited.text.strip():
                shorter.append(replace(record, text=edited.text, span=edited.span))
    return shorter
