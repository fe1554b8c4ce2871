"""The poison stage: a share of the training mentions edited, and which ones."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from robustmel.attacks.contract import TextAttack
from robustmel.errors import UsageError
from robustmel.item_seeds import item_seed
from robustmel.kb import KnowledgeBase
from robustmel.run.stages.perturb_texts import TextAttackContext, perturb_texts
from robustmel.run.stages.shards import ProgressCallback
from robustmel.types import Mention

BATCH = 64
"""Texts edited between two signs of progress; the edits do not depend on it."""


def poison(
    dataset: str,
    mentions: Sequence[Mention],
    attack: TextAttack,
    name: str,
    record_rate: float,
    seed: int,
    folder: Path,
    progress: ProgressCallback,
) -> dict[str, Any]:
    """Writes the overlay of exactly floor(record_rate * n) of n training mentions, and its log; the labels stay.

    A mention's rank in the lot depends on the seed and its id alone, so a lower rate's mentions are among a higher rate's.

    Raises:
        UsageError: The rate chooses no mention.
    """
    ranked = sorted(range(len(mentions)), key=lambda place: item_seed(seed, "poison", mentions[place].id))
    chosen = sorted(ranked[: math.floor(record_rate * len(mentions))])
    if not chosen:
        raise UsageError(
            f"record_rate = {record_rate} of {len(mentions)} training mentions of {dataset} chooses none; raise it, or leave it out."
        )
    queries = [mentions[place].query(dataset, mentions[place].candidates or ()) for place in chosen]
    context = TextAttackContext(attack, None, KnowledgeBase(()), name, seed)
    facts = perturb_texts(queries, [mentions[place].gold for place in chosen], context, BATCH, folder, progress)
    return facts | {"training_mentions": len(mentions), "chosen": len(chosen)}
