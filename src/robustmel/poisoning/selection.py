"""Which records are poisoned: a share of those selected, by a seeded rank."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from robustmel.columnar import taken
from robustmel.datasets.subset import popular
from robustmel.errors import UsageError
from robustmel.item_seeds import item_seed
from robustmel.kb import KnowledgeBase
from robustmel.poisoning.poisoning import Poisoning
from robustmel.types import Mention

THRESHOLD = 3
"""An entity with more training mentions is popular, as in the poisoning paper."""


@dataclass(frozen=True)
class Records:
    """What may be poisoned.

    Args:
        dataset: Its name, which makes the records' opaque ids.
        what: What they are, for messages ("training mentions").
        mentions: The records.
        train: The training mentions that say which entities are popular.
        kb: The entities that the mentions point into, for an attack that asks about them; empty where these are ids alone.
    """

    dataset: str
    what: str
    mentions: Sequence[Mention]
    train: Sequence[Mention]
    kb: KnowledgeBase = field(default_factory=lambda: KnowledgeBase(()))


def selected(records: Records, how: Poisoning) -> list[int]:
    """The places of the records that may be poisoned.

    Raises:
        UsageError: No record is about an entity that is asked for.
    """
    mentions = records.mentions
    if how.select == "all":
        return list(range(len(mentions)))
    if isinstance(how.select, str):
        belongs = popular(records.train, THRESHOLD)
        return [place for place, mention in enumerate(mentions) if belongs(mention) == (how.select == "popular")]
    there = {mention.gold for mention in mentions}
    for entity in how.select:
        if entity not in there:
            raise UsageError(f'select: none of the {len(mentions):,} {records.what} of {records.dataset} is about "{entity}".')
    return [place for place, mention in enumerate(mentions) if mention.gold in how.select]


def chosen(records: Records, how: Poisoning, seed: int) -> list[int]:
    """The places of exactly floor(record_rate * n) of the n selected records, in order.

    A record's rank in the lot depends on the seed, its id and for `whole_entities` its entity alone, so a lower rate's records are
    among a higher rate's.

    Raises:
        UsageError: A rate above 0 chooses none.
    """
    places = selected(records, how)
    count = int(Fraction(str(how.record_rate)) * len(places))  # as it is written: 0.29 of 100 are 29
    if not count and how.record_rate:
        if not places and isinstance(how.select, str) and how.select != "all":
            raise UsageError(
                f"select: none of the {len(records.mentions):,} {records.what} of {records.dataset} is about an entity that is {how.select}"
                f" (popular: over {THRESHOLD} training mentions)."
            )
        least = f"at least {1 / len(places):.2g} chooses one" if places else "no record is selected"
        raise UsageError(
            f"record_rate = {how.record_rate:g} of {len(places):,} {records.what} of {records.dataset} chooses none; {least}."
        )

    def rank(mention: Mention) -> tuple[int, int]:
        entity = item_seed(seed, "poisoned entity", str(mention.gold)) if how.whole_entities else 0
        return entity, item_seed(seed, "poison", mention.id)

    ranks = dict(zip(places, map(rank, taken(records.mentions, places)), strict=True))
    return sorted(sorted(places, key=ranks.__getitem__)[:count])
