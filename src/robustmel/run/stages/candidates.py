"""Stage nought: which mentions are asked, and among which candidates; the same for attack and evaluation."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from robustmel.candidates.contract import CandidateGenerator
from robustmel.columnar import REPEATED, ROWS, Columnar, Record, taken
from robustmel.datasets.dataset import Dataset
from robustmel.errors import RobustMELError, with_article
from robustmel.images import file_digest, is_there
from robustmel.item_seeds import item_seed
from robustmel.run.stages.shards import write_table
from robustmel.types import Mention

CANDIDATES = pa.schema(
    [
        (name, pa.string())
        for name in ("id", "mention_id", "gold", "surface", "text", "image", "image_digest", "cluster", "split")
    ]
    + [("candidates", pa.list_(pa.string())), ("gold_in_kb", pa.bool_())]
)
LISTS = pa.schema([("candidates", pa.list_(REPEATED))])
ENTITIES = pa.schema(
    [(name, pa.string()) for name in ("id", "name", "type", "description", "qid")] + [("popularity", pa.float64())]
)


def sample(mentions: Sequence[Mention], limit: int | None, seed: int) -> Sequence[Mention]:
    """At most `limit` mentions, in their own order; a smaller limit gives a subset of a larger one."""
    if limit is None or limit >= len(mentions):
        return mentions
    seeds = [item_seed(seed, "sample", mention.id) for mention in mentions]
    return taken(mentions, sorted(sorted(range(len(mentions)), key=seeds.__getitem__)[:limit]))


def candidates_of(
    dataset: Dataset, mentions: Sequence[Mention], generator: CandidateGenerator, train: Sequence[Mention], folder: Path
) -> dict[str, Any]:
    """Writes `candidates.parquet` and `entities.parquet`; the gold ids go no further than this and the scoring.

    A mention to which the whole knowledge base is open has null candidates; `gold_in_kb` says whether its gold
    entity can be answered at all.
    """
    lists: Any = generator.candidates(mentions, dataset.kb, train)
    if not isinstance(lists, Sequence) or len(lists) != len(mentions):
        handed_over = f"{len(lists)} candidate lists" if isinstance(lists, Sequence) else with_article(type(lists).__name__)
        raise RobustMELError(
            f"{type(generator).__name__} gave {handed_over} for {len(mentions)} mentions; it must give one list per mention."
        )
    for mention, candidates in zip(mentions, lists, strict=True):
        if wrong := _no_list(candidates):
            raise RobustMELError(
                f"{type(generator).__name__} gave {wrong} for mention {mention.id}; it must give a list of entity ids, each once."
            )
    rows: Iterator[Record] = (
        {
            "id": mention.query(dataset.name, candidates).id,
            "mention_id": mention.id,
            "gold": mention.gold,
            "surface": mention.surface,
            "text": mention.text,
            "image": None if mention.image is None else str(mention.image.resolve()),
            "image_digest": None if mention.image is None or not is_there(mention.image) else file_digest(mention.image),
            "candidates": None if candidates is None else list(candidates),
            "gold_in_kb": mention.gold in dataset.kb,
            "cluster": mention.gold or f"NIL {mention.surface}",
            "split": mention.split,
        }
        for mention, candidates in zip(mentions, lists, strict=True)
    )
    write_table(folder / "candidates.parquet", rows, CANDIDATES)
    entities = ({name: getattr(entity, name) for name in ENTITIES.names} for entity in dataset.kb)
    write_table(folder / "entities.parquet", entities, ENTITIES)
    reached = [
        mention.gold in (dataset.kb if among is None else among)
        for mention, among in zip(mentions, lists, strict=True)
        if mention.gold is not None
    ]
    return {"mentions": len(mentions), "with_gold": len(reached), "gold_among_candidates": sum(reached)}


def _no_list(candidates: Any) -> str:
    """What a generator gave in place of a list of different ids, best first; "" where it is one, or None for the whole knowledge base."""
    if candidates is None:
        return ""
    if not isinstance(candidates, (list, tuple)):
        return with_article(type(candidates).__name__)
    if others := [candidate for candidate in candidates if not isinstance(candidate, str)]:
        return f"a list of {type(others[0]).__name__}"
    twice = len(set(candidates)) < len(candidates)
    return f"{next(name for name in candidates if candidates.count(name) > 1)} twice" if twice else ""


def lists_of(folder: Path) -> Columnar[tuple[str, ...] | None]:
    """The candidates of every mention, as they were written; None where the whole knowledge base is open."""
    with pq.ParquetFile(folder / "candidates.parquet") as file:
        batches = file.iter_batches(ROWS, columns=["candidates"], use_threads=False)
        return Columnar.of((pa.Table.from_batches([batch]) for batch in batches), LISTS, _listed)


def _listed(record: Record) -> tuple[str, ...] | None:
    """Every id once in memory."""
    return None if record["candidates"] is None else tuple(map(sys.intern, record["candidates"]))
