"""A data set by the ids of today: an item that Wikidata merged into another counts as that one, in answers and in what is right."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from robustmel.datasets.dataset import Dataset
from robustmel.datasets.subset import load_table
from robustmel.datasets.tables import is_qid
from robustmel.errors import MissingError
from robustmel.kb import KnowledgeBase
from robustmel.types import Entity, Mention


@dataclass(frozen=True)
class Merged:
    """Another data set whose merged Wikidata ids are replaced by those they lead to.

    Two entities that became one are one, with the names of both; so are right answers, candidates (listed once) and, in `rm.score`,
    answers that were made elsewhere under the old id. Mentions, texts and images stay. `check` says how many entities became others.

    Args:
        of: The data set: its name, or a table as in a grid.
        ids: The merged ids: on each line an old id, a tab and the id it leads to, as `robustmel kb merged` writes them.
        name: What tables call it; as before where None.
    """

    of: str | Mapping[str, Any]
    ids: str | Path
    name: str | None = None

    version: ClassVar[int] = 1

    def load(self, split: str = "all") -> Dataset:
        """One split ("all" keeps every one).

        Raises:
            MissingError: The file of ids is absent, or a line is none.
        """
        whole, items = load_table(self.of, split), read_merged(Path(self.ids))
        entities, ids = _entities(whole.kb, items)
        layout = f"{whole.report.layout}, {len(whole.kb) - len(entities):,} entities merged into others"
        return replace(
            whole,
            name=self.name or whole.name,
            mentions=tuple(_mention(mention, ids) for mention in whole.mentions),
            kb=KnowledgeBase(entities),
            report=replace(whole.report, layout=layout),
            merged=ids,
        )


def read_merged(path: Path) -> dict[str, str]:
    """Old id -> the id at the end of its chain.

    Raises:
        MissingError: The file cannot be read, a line is no pair of ids, an id leads to two, or ids lead in a circle.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise MissingError(f"{path} cannot be read: {problem}; `robustmel kb merged` writes such a file.") from problem
    steps: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        pair = line.split("\t")
        if line.strip() and not (len(pair) == 2 and all(map(is_qid, pair))):
            raise MissingError(f"{path}:{number}: expected an old id, a tab and a new one (Q15\tQ312), found {line[:60]!r}.")
        if line.strip() and steps.setdefault(pair[0], pair[1]) != pair[1]:
            raise MissingError(
                f"{path}:{number}: {pair[0]} leads to {steps[pair[0]]} already; an item is merged into one other."
            )
    return {old: _end(old, steps, path) for old in steps}


def _end(item: str, steps: Mapping[str, str], path: Path) -> str:
    seen = {item}
    while item in steps:
        item = steps[item]
        if item in seen:
            raise MissingError(f"{path}: {item} leads back to itself; leave that line out.")
        seen.add(item)
    return item


def _entities(kb: KnowledgeBase, items: Mapping[str, str]) -> tuple[list[Entity], dict[str, str]]:
    """The entities, those of one item as one in the place of the first; and id -> new id, of entities and of items that none has."""
    targets = set(items.values())
    alike: defaultdict[str, list[Entity]] = defaultdict(list)
    for entity in kb:
        own = entity.qid or entity.id
        item = items.get(own, own)
        alike[item if item in targets else f"\x00{entity.id}"].append(entity)
    entities, known, renamed = list[Entity](), dict[str, str](), dict[str, str]()
    for item, group in alike.items():
        if item not in targets:
            entities += group
            continue
        kept = next((entity for entity in group if (entity.qid or entity.id) == item), group[0])
        known[item] = item if kept.id in items else kept.id
        renamed |= {entity.id: known[item] for entity in group if entity.id != known[item]}
        names = dict.fromkeys(name for entity in (kept, *group) for name in (entity.name, *entity.aliases))
        entities.append(replace(kept, id=known[item], qid=item, aliases=tuple(name for name in names if name != kept.name)))
    items_here = {item: entity for item, entity in known.items() if item != entity}
    return entities, {old: known.get(item, item) for old, item in items.items()} | items_here | renamed


def _mention(mention: Mention, ids: Mapping[str, str]) -> Mention:
    listed = mention.candidates
    if listed is not None:
        listed = tuple(dict.fromkeys(ids.get(candidate, candidate) for candidate in listed))
    gold = None if mention.gold is None else ids.get(mention.gold, mention.gold)
    return replace(mention, gold=gold, candidates=listed)
