"""The figures, from what mentions credit. Shares are in [0, 1]; None stands for a share of nothing."""

from array import array
from collections import Counter
from collections.abc import Sequence

import numpy as np

from robustmel.report.credit import KS, Credit, Floats
from robustmel.report.questions import Question


def share(part: float, whole: float) -> float | None:
    """A quotient, None where there is nothing to divide by."""
    return part / whole if whole else None


def correct(credit: Credit) -> float:
    """Mentions linked correctly, ties in fractions, as a mean over the seeds; in [0, n]."""
    return float(credit.credit.sum() / len(credit.credit))


def accuracy(credit: Credit) -> float | None:
    """Share of all mentions linked correctly. Under attack this is the robust accuracy."""
    return share(correct(credit), credit.credit.shape[1])


def ties(credit: Credit) -> int:
    """Mentions whose gold entity shares the highest score with others, under any seed."""
    return int(np.any((credit.credit > 0) & (credit.credit < 1), axis=0).sum())


def errors(credit: Credit) -> int:
    """Mentions without an answer under any seed; they count as wrong."""
    return int(np.any(credit.failed, axis=0).sum())


def errors_by_kind(credit: Credit) -> dict[str, int]:
    """Why there was no answer -> mentions, each counted once for a reason however many views and seeds give it."""
    return dict(sorted(Counter(why for _, why in set(credit.failures)).items()))


def hits_at_k(credit: Credit) -> dict[str, float] | None:
    """For each k of `KS` (as a string), the share of mentions whose gold entity is among the first k."""
    if credit.credit.shape[1] == 0:
        return None
    return {str(k): float(credit.hits(k).mean()) for k in KS}


def mean_reciprocal_rank(credit: Credit) -> float | None:
    """Mean of 1 / rank of the gold entity, 0 where it was not ranked."""
    return float(credit.reciprocal.mean()) if credit.credit.shape[1] else None


def kept(attacked: Floats, clean: Floats) -> float | None:
    """Of what was linked when clean, the share still linked under attack: sum of min(clean, attacked) / sum of clean.

    Args:
        attacked: (S, n) credit under attack.
        clean: (S, n) or (1, n) credit on clean images.
    """
    common = np.minimum(attacked, clean)
    return share(float(common.sum()), float(np.broadcast_to(clean, common.shape).sum()))


def attack_success(attacked: Floats, clean: Floats) -> float | None:
    """Of the mentions that are right beyond a tie when clean, the share that becomes wrong (a tie under attack counts in part)."""
    right = np.broadcast_to(clean == 1.0, attacked.shape)
    return share(float((1 - attacked)[right].sum()), int(right.sum()))


def recall(questions: Sequence[Question]) -> float | None:
    """Share of the mentions with an entity whose gold entity can be answered: what accuracy cannot exceed."""
    named = reached = 0
    for question in questions:  # one at a time is an object
        named += question.gold is not None
        reached += question.gold is not None and question.reachable
    return share(reached, named)


def ceiling(questions: Sequence[Question]) -> float | None:
    """The accuracy that nobody can exceed who reads sentence and image but not which mention of them is meant.

    Mentions with the same sentence, image and candidates look alike to such a linker; of each such group it can at best get the
    commonest gold entity right. Mentions with neither sentence nor image are left alone, each a group of its own.
    """
    groups, golds = array("q"), array("q")  # hashes alone are kept: the sets would weigh more than the data
    for index, question in enumerate(questions):
        candidates = None if question.candidates is None else frozenset(question.candidates)
        alike = (question.text, question.image, candidates) if question.text or question.image else index
        groups.append(hash((alike, "")))
        golds.append(hash(question.gold))
    if not groups:
        return None
    pairs, count = np.unique([groups, golds], axis=1, return_counts=True)
    starts = np.unique(pairs[0], return_index=True)[1]
    return share(int(np.maximum.reduceat(count, starts).sum()), len(questions))
