"""Mentions that repeat, contradict or give away one another."""

from collections.abc import Callable, Hashable, Sequence

from robustmel.datasets.perceptual_hash import ImageHash, nearest_hashes
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


Pairs = dict[str, tuple[Mention, Mention]]
"""Mention id -> the mention, and the first one of an earlier split that it shares something with."""


def leaks(mentions: Sequence[Mention], image: ImageIdentity) -> tuple[Pairs, Pairs]:
    """Mentions whose image, and whose (folded) sentence, occurs in an earlier split: train before validation before test."""
    return _shared(mentions, image), _shared(mentions, lambda mention: fold(mention.text) or None)


def look_alikes(mentions: Sequence[Mention], hash_of: Callable[[Mention], ImageHash | None]) -> Pairs:
    """Mentions whose image looks like one of an earlier split (see `perceptual_hash`)."""
    hashed = [(mention, _place(mention), hash_of(mention)) for mention in mentions if mention.split]
    pairs: Pairs = {}
    for later in sorted({order for _, order, _ in hashed}):
        ours = [(mention, look) for mention, order, look in hashed if order == later and look is not None]
        before = {look: mention for mention, order, look in reversed(hashed) if order < later and look is not None}
        earlier, nearest = list(before.values()), nearest_hashes([look for _, look in ours], list(before))
        pairs |= {
            mention.id: (mention, earlier[place])
            for (mention, _), place in zip(ours, nearest, strict=True)
            if place is not None
        }
    return pairs


def _shared(mentions: Sequence[Mention], key: ImageIdentity) -> Pairs:
    first: dict[Hashable, Mention] = {}
    keyed = [(mention, key(mention)) for mention in mentions if mention.split]
    for mention, shared in keyed:
        if shared is not None and (shared not in first or _place(mention) < _place(first[shared])):
            first[shared] = mention
    return {
        mention.id: (mention, first[shared])
        for mention, shared in keyed
        if shared is not None and _place(first[shared]) < _place(mention)
    }


def _place(mention: Mention) -> int:
    return _ORDER.get(mention.split or "", len(_ORDER))
