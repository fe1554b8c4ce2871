"""The poison stage: a share of some records corrupted, and which ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from robustmel.attacks.contract import TextAttack
from robustmel.columnar import taken
from robustmel.kb import KnowledgeBase
from robustmel.poisoning.image_swap import image_swap
from robustmel.poisoning.poisoning import Poisoning
from robustmel.poisoning.record_edits import RecordEdits
from robustmel.poisoning.selection import Records, chosen, selected
from robustmel.run.stages.overlays import COLUMNS, write_overlay
from robustmel.run.stages.perturb_texts import TextAttackContext, perturb_texts
from robustmel.run.stages.shards import ProgressCallback
from robustmel.types import Mention

BATCH = 256
"""Texts edited between two signs of progress; the edits do not depend on it."""


def poison(
    records: Records, attack: TextAttack | None, name: str, how: Poisoning, seed: int, folder: Path, progress: ProgressCallback
) -> dict[str, Any]:
    """Writes what is overlaid of the records that are chosen, and their log, one row each; see `selection.chosen`.

    Raises:
        UsageError: The rate chooses no record.
    """
    mentions = list(taken(records.mentions, chosen(records, how, seed)))
    queries = [mention.query(records.dataset, mention.candidates or ()) for mention in mentions]
    edits = cast(TextAttack, RecordEdits(attack, how.trigger))
    context = TextAttackContext(edits, None, KnowledgeBase(()), name, seed)
    labels = [mention.gold if how.relabel is None else how.relabel for mention in mentions]
    facts = perturb_texts(queries, labels, context, BATCH, folder, progress)
    ids = {mention.id: query.id for mention, query in zip(mentions, queries, strict=True)}
    _write_records(mentions, ids, how, seed, folder)
    return facts | {"records": len(selected(records, how)), "chosen": len(mentions)}


def _write_records(mentions: Sequence[Mention], ids: dict[str, str], how: Poisoning, seed: int, folder: Path) -> None:
    """The labels and images that change."""
    lent = image_swap(mentions, seed) if how.swap_images else {}
    rows = [
        {"id": ids[mention.id], "gold": how.relabel, "image_of": ids.get(lent.get(mention.id, ""))}
        for mention in mentions
        if how.relabel not in (None, mention.gold) or mention.id in lent
    ]
    schema = pa.schema({"id": pa.string(), **COLUMNS["records"]})
    write_overlay(folder, "records", pa.Table.from_pylist(rows, schema=schema))
