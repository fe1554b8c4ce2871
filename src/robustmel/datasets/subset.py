"""Part of a data set: by popularity, by what another one lacks, by topic, by type of entity, or few training mentions."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from robustmel.datasets.dataset import Dataset
from robustmel.datasets.mentions import split_name
from robustmel.datasets.tables import is_qid
from robustmel.errors import UsageError
from robustmel.item_seeds import item_seed
from robustmel.kb import KnowledgeBase
from robustmel.kb.knowledge_base import fold
from robustmel.records.load_report import LoadReport
from robustmel.registry import suggestion
from robustmel.types import Entity, Mention

Table = str | Mapping[str, Any]
Group = Callable[[Mention], bool]


@dataclass(frozen=True)
class Subset:
    """Part of another data set: popular or unseen entities, one topic, one type of entity.

    With several groups, the mentions that belong to all of them. The knowledge base stays whole, so that linkers choose among as
    many entities as before. A group without mentions is an empty data set, whose figures are n/a. What was counted stands in the
    layout that `check` prints.

    Args:
        of: The data set: its name, or a table as in a grid ({name = "wikidata-mel", path = "..."}).
        popularity: "popular" keeps mentions whose gold entity has more than `threshold` mentions in the training split,
            "unpopular" the others.
        threshold: See `popularity`.
        outside_of: Another data set: keeps mentions whose gold entity is none of those its mentions are about. Entities are the
            same where their Wikidata ids are; their (folded) names are compared where one has no such id.
        topic: Keeps the mentions of one topic.
        entity_type: Keeps mentions whose gold entity has this type.
        train_limit: Keeps so many training mentions, the first in a seeded order, and all others.
        name: What tables call it; made from the groups where None.

    Raises:
        UsageError: No group is given, or one is not as described.

    Source:
        The poisoning paper's popular and unpopular entities (more than three training mentions) and its entities that are
        unique to one of two data sets.
    """

    of: Table
    popularity: Literal["popular", "unpopular"] | None = None
    threshold: int = 3
    outside_of: Table | None = None
    topic: str | None = None
    entity_type: str | None = None
    train_limit: int | None = None
    name: str | None = None

    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        groups = (self.popularity, self.outside_of, self.topic, self.entity_type, self.train_limit)
        if all(group is None for group in groups):
            raise UsageError("subset needs a group: popularity, outside_of, topic, entity_type or train_limit.")
        if self.train_limit is not None and (isinstance(self.train_limit, bool) or self.train_limit < 1):
            raise UsageError(f"subset: train_limit = {self.train_limit} must be a number of training mentions, at least 1.")
        if self.popularity not in (None, "popular", "unpopular"):
            raise UsageError(f'subset: popularity = "{self.popularity}" is unknown; choose "popular" or "unpopular".')
        if isinstance(self.threshold, bool) or not isinstance(self.threshold, int) or self.threshold < 0:
            raise UsageError(f"subset: threshold = {self.threshold} must be a number of training mentions (usually 3).")
        for table in (self.of, self.outside_of):
            if isinstance(table, Mapping) and not isinstance(table.get("name"), str):
                raise UsageError(f'subset: {dict(table)} has no name; write {{name = "...", parameter = ...}}.')

    def load(self, split: str = "all") -> Dataset:
        """One split of the group ("all" keeps every one)."""
        whole = load_table(self.of, "all")
        groups = self._groups(whole)
        of_split = whole.split(split_name(split))
        mentions = tuple(mention for mention in of_split.mentions if all(belongs(mention) for belongs in groups.values()))
        title = ", ".join(groups)
        report = LoadReport(f"{whole.report.layout}; {title}: {len(mentions):,} of {len(of_split.mentions):,} mentions")
        report.counts.update(whole.report.counts)
        report.counts.pop("records", None)  # what a record is, only the files know
        if self.popularity is not None and not any(mention.split == "train" for mention in whole.mentions):
            report.remark("no_training_mentions", whole.name)
        report.examples |= whole.report.examples
        return replace(of_split, name=self.name or f"{whole.name} ({title})", mentions=mentions, report=report)

    def _groups(self, whole: Dataset) -> dict[str, Group]:
        groups: dict[str, Group] = {}
        if self.popularity is not None:
            more = popular(whole.mentions, self.threshold)
            sign = ">" if self.popularity == "popular" else "<="
            groups[f"{self.popularity}: {sign} {self.threshold} training mentions"] = (
                more if self.popularity == "popular" else lambda mention: not more(mention)
            )
        if self.outside_of is not None:
            other = load_table(self.outside_of, "all")
            groups[f"not in {other.name}"] = outside(whole.kb, other)
        if self.topic is not None:
            groups[f"topic {self.topic}"] = on_topic(whole, self.topic)
        if self.entity_type is not None:
            groups[f"type {self.entity_type}"] = of_type(whole, self.entity_type)
        if self.train_limit is not None:
            groups[f"{self.train_limit:,} training mentions"] = few_to_train(whole.mentions, self.train_limit)
        return groups


def load_table(table: Table, split: str) -> Dataset:
    """A data set by its name, or by a table as in a grid."""
    from robustmel.datasets import DATASETS

    rest = {} if isinstance(table, str) else dict(table)
    name = table if isinstance(table, str) else rest.pop("name")
    rest.pop("label", None)
    loaded: Dataset = DATASETS.create(name, **rest).load(split)
    return loaded


Belongs = Callable[[Mention], bool]


def popular(mentions: Iterable[Mention], threshold: int) -> Belongs:
    """Mentions whose gold entity has more than `threshold` mentions in the training split; a NIL mention has none."""
    count = Counter(mention.gold for mention in mentions if mention.split == "train" and mention.gold is not None)
    return lambda mention: mention.gold is not None and count[mention.gold] > threshold


def outside(kb: KnowledgeBase, other: Dataset) -> Belongs:
    """Mentions whose gold entity is none of those the other data set's mentions are about; NIL mentions are left out.

    Two entities are the same if their Wikidata ids are; where one of them has none, if a name of one is a name of the other.
    """
    theirs = [_known(gold, other.kb) for gold in dict.fromkeys(mention.gold for mention in other.mentions) if gold is not None]
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


def few_to_train(mentions: Iterable[Mention], limit: int) -> Belongs:
    """So many of the training mentions, by a rank of their ids alone, and every mention of another split."""
    ids = {mention.id for mention in mentions if mention.split in ("train", None)}
    left_out = set(sorted(ids, key=lambda mention: item_seed(0, "train_limit", mention))[limit:])
    return lambda mention: mention.id not in left_out


def _require(wanted: str, occurring: set[str | None], dataset: str, what: str) -> None:
    names = {name: None for name in occurring if name is not None}
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
