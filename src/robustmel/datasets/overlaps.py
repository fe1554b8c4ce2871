"""Mentions that repeat, contradict or give away one another."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from robustmel.datasets.perceptual_hash import Look, near
from robustmel.kb.knowledge_base import fold
from robustmel.types import Mention

ImageIdentity = Callable[[Mention], Hashable | None]
"""What two mentions with the same picture have in common; None for a mention without one."""

_ORDER = {"train": 0, "validation": 1, "test": 2}


def duplicates(mentions: Sequence[Mention], image: ImageIdentity) -> tuple[list[Mention], list[Mention]]:
    """Mentions that equal an earlier one in sentence, span, surface, image and box: with the same gold, and with another."""
    first: dict[Hashable, set[str | None]] = {}
    same, other = [], []
    for mention in mentions:
        golds = first.setdefault((mention.text, mention.span, mention.surface, image(mention), mention.box), set())
        if mention.gold in golds:
            same.append(mention)
        elif golds:
            other.append(mention)
        golds.add(mention.gold)
    return same, other


def leaks(mentions: Sequence[Mention], image: ImageIdentity) -> tuple[list[Mention], list[Mention]]:
    """Mentions whose image, and whose (folded) sentence, occurs in an earlier split: train before validation before test."""
    return _shared(mentions, image), _shared(mentions, lambda mention: fold(mention.text) or None)


def alike(mentions: Sequence[Mention], seen: Callable[[Mention], Look | None]) -> list[Mention]:
    """Mentions whose image looks like one of an earlier split (see `looks`)."""
    known = [(mention, _ORDER.get(mention.split, len(_ORDER)), seen(mention)) for mention in mentions if mention.split]
    found: list[Mention] = []
    for later in sorted({order for _, order, _ in known}):
        ours = [(mention, look) for mention, order, look in known if order == later and look is not None]
        before = list({look for _, order, look in known if order < later and look is not None})
        hits = near([look for _, look in ours], before)
        found += [mention for (mention, _), hit in zip(ours, hits, strict=True) if hit]
    return found


def _shared(mentions: Sequence[Mention], key: ImageIdentity) -> list[Mention]:
    earliest: dict[Hashable, int] = {}
    placed = [(mention, _ORDER.get(mention.split, len(_ORDER)), key(mention)) for mention in mentions if mention.split]
    for _, order, shared in placed:
        if shared is not None:
            earliest[shared] = min(order, earliest.get(shared, order))
    return [mention for mention, order, shared in placed if shared is not None and earliest[shared] < order]
