"""Modality mismatch: records that get each other's images."""

from collections import Counter
from collections.abc import Sequence

from robustmel.item_seeds import item_seed
from robustmel.types import Mention


def image_swap(mentions: Sequence[Mention], seed: int) -> dict[str, str]:
    """Record id -> id of the record whose image it gets; every image goes to one record.

    An image goes to a record about another entity, unless more than half of the records are about one. Records without an image, and
    those that would get the file they have, are left out.
    """
    holders = [mention for mention in mentions if mention.image is not None]
    holders.sort(key=lambda mention: (item_seed(seed, "entity", str(mention.gold)), item_seed(seed, "images", mention.id)))
    most = max(Counter(mention.gold for mention in holders).values(), default=0)
    shift = min(most, max(len(holders) - 1, 0))  # past all records about one's own entity
    givers = holders[shift:] + holders[:shift]
    pairs = zip(holders, givers, strict=True)
    return {mention.id: giver.id for mention, giver in pairs if mention.image != giver.image}
