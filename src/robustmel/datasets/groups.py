"""Groups of mentions: whether one belongs is a function of the mention."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from robustmel.datasets.dataset import Dataset
from robustmel.datasets.tables import is_qid
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.kb.knowledge_base import fold
from robustmel.registry import suggestion
from robustmel.types import Entity, Mention

Belongs = Callable[[Mention], bool]


def popular(mentions: Iterable[Mention], threshold: int) -> Belongs:
    """Mentions whose gold entity has more than `threshold` mentions in the training split; a NIL mention has none."""
    count = Counter(mention.gold for mention in mentions if mention.split == "train" and mention.gold is not None)
    return lambda mention: mention.gold is not None and count[mention.gold] > threshold


def outside(kb: KnowledgeBase, other: Dataset) -> Belongs:
    """Mentions whose gold entity is none of those the other data set's mentions are about; NIL mentions are left out.

    Two entities are the same if their Wikidata ids are; where one of them has none, if a name of one is a name of the other.
    """
    theirs = [_known(gold, other.kb) for gold in dict.fromkeys(one.gold for one in other.mentions) if gold is not None]
    ids = {entity.qid for entity in theirs if entity.qid is not None}
    names = {name for entity in theirs for name in _names(entity)}
    nameless_id = {name for entity in theirs if entity.qid is None for name in _names(entity)}

    def belongs(mention: Mention) -> bool:
        if mention.gold is None:
            return False
        entity = _known(mention.gold, kb)
        if entity.qid is not None:
            return entity.qid not in ids and nameless_id.isdisjoint(_names(entity))
        return names.isdisjoint(_names(entity))

    return belongs


def on_topic(dataset: Dataset, topic: str) -> Belongs:
    """Mentions of one topic.

    Raises:
        UsageError: No mention has it.
    """
    _require(topic, {mention.topic for mention in dataset.mentions}, dataset.name, "topic")
    return lambda mention: mention.topic == topic


def of_type(dataset: Dataset, kind: str) -> Belongs:
    """Mentions whose gold entity has a type.

    Raises:
        UsageError: No entity has it.
    """
    kb = dataset.kb
    _require(kind, {entity.type for entity in kb}, dataset.name, "type of entity")
    return lambda mention: mention.gold is not None and mention.gold in kb and kb[mention.gold].type == kind


def _require(wanted: str, known: set[str | None], dataset: str, what: str) -> None:
    names = {one: None for one in known if one is not None}
    if wanted not in names:
        raise UsageError(
            f'data set {dataset} has no {what} "{wanted}". {suggestion(wanted, names)}'
            if names
            else f"data set {dataset} states no {what}."
        )


def _known(gold: str, kb: KnowledgeBase) -> Entity:
    """The entity; one that the knowledge base lacks is known by its id alone."""
    return kb[gold] if gold in kb else Entity(gold, gold, qid=gold if is_qid(gold) else None)


def _names(entity: Entity) -> set[str]:
    return {fold(name) for name in (entity.name, *entity.aliases)}
