"""The figures, from what mentions earned. Shares are in [0, 1]; None stands for a share of nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from robustmel.report.credit import KS, Earned, Floats
from robustmel.report.results import Question


def share(part: float, whole: float) -> float | None:
    """A quotient, None where there is nothing to divide by."""
    return part / whole if whole else None


def correct(earned: Earned) -> float:
    """Mentions linked correctly, ties in fractions, as a mean over the seeds; in [0, n]."""
    return float(earned.credit.sum() / len(earned.credit))


def accuracy(earned: Earned) -> float | None:
    """Share of all mentions linked correctly. Under attack this is the robust accuracy."""
    return share(correct(earned), earned.credit.shape[1])


def ties(earned: Earned) -> int:
    """Mentions whose gold entity shares the highest score with others, under any seed."""
    return int(np.any((earned.credit > 0) & (earned.credit < 1), axis=0).sum())


def errors(earned: Earned) -> int:
    """Mentions without an answer under any seed; they count as wrong."""
    return int(np.any(earned.failed, axis=0).sum())


def errors_by_kind(earned: Earned) -> dict[str, int]:
    """Why there was no answer -> mentions, each counted once for a reason however many views and seeds give it."""
    return dict(sorted(Counter(why for _, why in set(earned.failures)).items()))


def hits_at_k(earned: Earned) -> dict[str, float] | None:
    """For each k of `KS` (as a string), the share of mentions whose gold entity is among the first k."""
    if earned.credit.shape[1] == 0:
        return None
    return {str(k): float(value) for k, value in zip(KS, earned.hits.mean(axis=(0, 1)), strict=True)}


def mean_reciprocal_rank(earned: Earned) -> float | None:
    """Mean of 1 / rank of the gold entity, 0 where it was not ranked."""
    return float(earned.reciprocal.mean()) if earned.credit.shape[1] else None


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
    named = [one for one in questions if one.gold is not None]
    return share(sum(one.reachable for one in named), len(named))


def ceiling(questions: Sequence[Question]) -> float | None:
    """The accuracy that nobody can exceed who reads sentence and image but not which mention of them is meant.

    Mentions with the same sentence, image and candidates look alike to such a linker; of each such group it can at best get the
    commonest gold entity right. Mentions with neither sentence nor image are left alone, each a group of its own.
    """
    groups: defaultdict[object, Counter[str | None]] = defaultdict(Counter)
    for index, one in enumerate(questions):
        candidates = None if one.candidates is None else frozenset(one.candidates)
        alike = (one.text, one.image, candidates) if one.text or one.image else index
        groups[alike][one.gold] += 1
    return share(sum(max(golds.values()) for golds in groups.values()), len(questions))
